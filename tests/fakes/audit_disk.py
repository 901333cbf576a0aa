"""A disk that keeps only what it must: recorded system calls, and what a power cut may leave of them.

Nothing is durable that was not synced. Of a file's writes since its last sync any 512-byte sectors may be
new, old or garbage, and its length anything between; a sector is whole, and bytes that were synced stay. Of
the changes of a folder since its last sync (names made, moved, taken away) any may be lost.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

SECTOR: Final = 512
CALLS: Final = "write,pwrite64,fsync,fdatasync,ftruncate,rename,openat,mkdir,unlink,unlinkat,rmdir"
#: ``strace -xx -y``: every string and path in hexadecimal, so that nothing needs quoting.
OPTIONS: Final = ("-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}")
_LINE: Final = re.compile(r"\d+ +(\w+)\((.*)\) += +(\d+)")
_TEXT: Final = re.compile(r'(?:"|<)((?:\\x[0-9a-f]{2})*)(?:"|>)')


@dataclass(frozen=True)
class Call:
    """One system call that succeeded.

    Attributes:
        name: of the call.
        paths: path of the file, or both paths of a rename, relative to the log.
        data: bytes written.
        number: offset of a ``pwrite64``, new length of an ``ftruncate``.
        creates: whether an ``openat`` makes the file when there is none.
        truncates: whether an ``openat`` empties it.
    """

    name: str
    paths: tuple[str, ...]
    data: bytes = b""
    number: int = 0
    creates: bool = False
    truncates: bool = False


def parse(trace: str, directory: Path, acknowledged: Path) -> Iterator[Call | bytes]:
    """The calls on files of a log, and between them the acknowledgements as bytes."""
    for line in trace.splitlines():
        match = _LINE.match(line)
        if match is None or (match[1] == "openat" and "O_CREAT" not in line):
            continue
        name, arguments = match[1], match[2]
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        if texts[0].decode() == str(acknowledged):
            if name == "write":
                yield texts[1].rstrip(b"\n")
            continue
        writes, path_at = name in {"write", "pwrite64"}, 1 if name == "openat" else 0
        named = texts[path_at : path_at + (2 if name == "rename" else 1)]
        if name == "unlinkat":  # below an open folder
            named = [b"/".join(texts[:2])]
        if not all(PurePosixPath(text.decode()).is_relative_to(directory) for text in named):
            continue
        paths = tuple(PurePosixPath(text.decode()).relative_to(directory).as_posix() for text in named)
        tail = arguments.rpartition(", ")[2]
        yield Call(
            name,
            paths,
            data=texts[1][: int(match[3])] if writes else b"",
            number=int(tail) if name in {"pwrite64", "ftruncate"} else 0,
            creates=name == "openat",
            truncates="O_TRUNC" in arguments,
        )


@dataclass
class File:
    """Content as programs see it, and as it was last synced."""

    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    at: int = 0  # where ``write`` continues

    def after_a_power_cut(self, chance: random.Random, mode: str) -> bytes:
        """What may be left."""
        if mode != "some" or self.now == self.durable:
            return bytes(self.now if mode == "all" else self.durable)
        low, high = sorted((len(self.now), len(self.durable)))
        length = chance.choice((low, high, chance.randint(low, high)))
        left = b"".join(self._sector(chance, at) for at in range(0, length, SECTOR))
        return left[:length]

    def _sector(self, chance: random.Random, at: int) -> bytes:
        kept, new = self.durable[at : at + SECTOR], bytes(self.now[at : at + SECTOR])
        new = (new + kept[len(new) :]).ljust(SECTOR, b"\0")  # a cut moves the end, it erases nothing
        old = kept.ljust(SECTOR, b"\0")
        if new == old or len(kept) == SECTOR or not new.startswith(kept):
            return chance.choice((new, old))  # overwritten: one or the other
        return chance.choice((new, new, old, kept + chance.randbytes(SECTOR - len(kept))))


class Disk:
    """The files of one log."""

    def __init__(self) -> None:
        self._now: dict[str, File | None] = {}  # None: a folder
        self._durable: dict[str, File | None] = {}
        self._changes: list[Call] = []  # of names, since their folder was synced
        self._moved: dict[int, File | None] = {}

    def do(self, call: Call) -> None:
        """Let one call happen."""
        getattr(self, f"_{call.name}")(call)

    def _file(self, call: Call) -> File:
        file = self._now[call.paths[0]]
        assert file is not None
        return file

    def _change(self, call: Call, content: File | None) -> None:
        self._moved[id(call)] = content
        _apply(self._now, call, content)
        self._changes.append(call)

    def _openat(self, call: Call) -> None:
        if call.paths[0] not in self._now:
            self._change(call, File())
        self._file(call).at = 0
        if call.truncates:
            self._file(call).now.clear()

    def _mkdir(self, call: Call) -> None:
        self._change(call, None)

    def _rename(self, call: Call) -> None:
        self._change(call, self._now[call.paths[0]])

    def _unlink(self, call: Call) -> None:
        self._change(call, None)

    _rmdir = _unlinkat = _unlink

    def _write(self, call: Call) -> None:
        file = self._file(call)
        self._put(file, file.at, call.data)
        file.at += len(call.data)

    def _pwrite64(self, call: Call) -> None:
        self._put(self._file(call), call.number, call.data)

    @staticmethod
    def _put(file: File, at: int, data: bytes) -> None:
        file.now.extend(bytes(max(0, at - len(file.now))))
        file.now[at : at + len(data)] = data

    def _ftruncate(self, call: Call) -> None:
        del self._file(call).now[call.number :]

    def _fsync(self, call: Call) -> None:
        file = self._now.get(call.paths[0])
        if file is not None:
            file.durable = bytes(file.now)
            return
        for change in [change for change in self._changes if _folder(change) == call.paths[0]]:
            _apply(self._durable, change, self._moved[id(change)])
            self._changes.remove(change)

    _fdatasync = _fsync

    def after_a_power_cut(self, chance: random.Random, mode: str) -> dict[str, bytes]:
        """The files that may be found: ``all`` that was written, ``none`` that was unsynced, or ``some``."""
        names = dict(self._durable)
        for change in self._changes:
            if mode == "all" or (mode == "some" and chance.random() < 0.5):
                _apply(names, change, self._moved[id(change)])
        return {
            path: file.after_a_power_cut(chance, mode)
            for path, file in names.items()
            if file is not None and all(p.as_posix() in names for p in PurePosixPath(path).parents[:-1])
        }


def _folder(call: Call) -> str:
    return PurePosixPath(call.paths[-1]).parent.as_posix()


def _apply(names: dict[str, File | None], call: Call, content: File | None) -> None:
    if call.name == "rename":
        names.pop(call.paths[0], None)
        inside = [path for path in names if path.startswith(f"{call.paths[0]}/")]
        for path in inside:  # a folder takes along what it holds
            names[call.paths[1] + path.removeprefix(call.paths[0])] = names.pop(path)
    if call.name in {"unlink", "unlinkat", "rmdir"}:
        names.pop(call.paths[0], None)
    else:
        names[call.paths[-1]] = content
