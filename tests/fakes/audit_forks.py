"""Starting, tracing and killing the processes of ``fakes.audit_child``, and judging what they left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes.audit_child import obtain
from fakes.audit_disk import CALLS
from fakes.audit_logs import entry

from audit.entry import parse_entry
from audit.verify_log import verify_log

TESTS = Path(__file__).parents[1]
_LINE = re.compile(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)")
MARK = 99_999_999  #: number of the entry that ``outcome`` appends
MEMORY = Path("/dev/shm")  # noqa: S108 - folders of our own in it


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: for what is about order, not about the disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


def strace_missing() -> str:
    """Why nothing can be traced here; empty when it can."""
    return "" if shutil.which("strace") else "strace is not installed; run tools/system_packages.sh"


class Forks:
    """A warm process that forks writers, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.acknowledged = folder / "gate", folder / "acknowledged"
        os.mkfifo(self.gate)
        self._gate = os.open(self.gate, os.O_RDWR)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "fakes.audit_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.communicate()
        os.close(self._gate)

    def _say(self, line: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(line)
        self._server.stdin.flush()

    def _hear(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())

    def start(self, program: str, directory: Path, **request: Any) -> int:
        """Fork a writer that waits for ``go``; its process id."""
        self.acknowledged.unlink(missing_ok=True)
        self.acknowledged.touch()
        defaults = {"first": 0, "schedule": (), "threads": 1, "file_size": 0, "store": "FileStore"}
        paths = {"directory": directory, "gate": self.gate, "acknowledged": self.acknowledged}
        whole = defaults | request | {name: str(path) for name, path in paths.items()} | {"program": program}
        self._say(json.dumps(whole) + "\n")
        return self._hear()

    def go(self) -> None:
        """Let the writer run."""
        os.write(self._gate, b"g")

    def wait(self) -> int:
        """Its exit code, minus the signal that ended it."""
        return self._hear()

    def kill(self, process: int) -> None:
        """End it at once."""
        os.kill(process, signal.SIGKILL)

    def acks(self) -> dict[int, int]:
        """Number of the acknowledged entry by index in the log. A line that was not finished says nothing."""
        *lines, _ = self.acknowledged.read_bytes().split(b"\n")
        return acks(lines)


def acks(lines: Sequence[bytes]) -> dict[int, int]:
    """What acknowledgement lines say: number of the entry by index."""
    said: dict[int, int] = {}
    for line in lines:
        first, number, count = map(int, line.split())
        said |= {first + n: number + n for n in range(count)}
    return said


@contextmanager
def traced(process: int, *options: str) -> Iterator[None]:
    """Trace a process that waits; on the way in the tracer is attached, on the way out it has ended."""
    command = ["strace", "-f", "-p", str(process), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        for line in tracer.stderr:
            if "attached" in line:
                break
        yield
        tracer.communicate()


def touching(trace: str, directory: Path) -> list[tuple[str, int]]:
    """Each call on a file below the directory, with its ordinal among the calls of its name."""
    seen: Counter[str] = Counter()
    found = list[tuple[str, int]]()
    for line in trace.splitlines():
        if match := _LINE.match(line):
            seen[match[1]] += 1
            if str(directory) in match[2]:
                found.append((match[1], seen[match[1]]))
    return found


def faults(
    forks: Forks, directory: Path, program: str, fault: str, *, state: Path | None = None, **request: Any
) -> Iterator[tuple[str, int]]:
    """The program once for each of its calls, with the fault at that call, from the same state.

    Gives which call it was and the exit code, while the directory is as the program left it.
    """

    def run(*options: str) -> int:
        shutil.rmtree(directory, ignore_errors=True)
        if state:
            shutil.copytree(state, directory)
        process = forks.start(program, directory, **request)
        with traced(process, "-e", f"trace={CALLS}", *options):
            forks.go()
        return forks.wait()

    output = directory.parent / "trace"
    assert run("-y", "-o", str(output)) == 0
    for call, ordinal in touching(output.read_text(), directory):
        inject = f"inject={call}:{fault}:when={ordinal}"
        yield f"{fault} at {call} {ordinal}", run("-o", "/dev/null", "-e", inject)


@dataclass(frozen=True)
class Outcome:
    """A log opened again: acknowledged entries lost, entries never sent or there twice, entries in all."""

    lost: int
    strange: int
    kept: int


_entry = cache(entry)


@cache
def _number(data: bytes) -> int:
    """The number that an entry was made of, -1 when it is none of ours."""
    number = dict(parse_entry(data).detail).get("n")
    return number if isinstance(number, int) and entry(number) == data else -1


def outcome(directory: Path, acknowledged: dict[int, int], sent: range = range(MARK)) -> Outcome:
    """Open the log as the next writer would, go on writing, verify; count what is lost or was never sent."""
    log = obtain(directory)
    (last,) = log.append(entry(MARK))
    log.publish()
    kept = [data for _, data in log.entries()]
    log.close()
    verify_log(directory)
    assert kept[last] == entry(MARK)
    lost = sum(index >= last or kept[index] != _entry(number) for index, number in acknowledged.items())
    numbers = [number for data in kept if (number := _number(data)) != MARK]
    strange = sum(number not in sent for number in numbers) + len(numbers) - len({*numbers})
    return Outcome(lost, strange, last)
