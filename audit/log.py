"""The writer of a log: durable appends by group commit, and publication of a signed tree.

Order of every effect: write the segment, sync it, acknowledge; later tiles, then the checkpoint, then the
segment is emptied. So an acknowledged entry is on disk once or twice, never nowhere.

* Threads that append at the same time share one sync (``audit.batches``).
* Processes take turns through the store's lock; one that finds the state moved reads it again.
* A failed write or sync ends the writer. It is never tried again: the kernel may have dropped the pages.
* Opening recovers what a killed writer left, and refuses to run when the disk does not cover the signed
  checkpoint, or the tree does not extend the one that this writer or a witness saw before.
* The keys with a line in the checkpoint sign the next one; witnesses are asked before it is published.

Open the log after forking, not before: a fork copies the threads' locks in whatever state they are.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from audit.batches import Batches
from audit.checkpoint import Checkpoint, open_signed, sign_checkpoint
from audit.cosign import Cosigner, cosign
from audit.entry import check_entry, is_last
from audit.errors import (
    AuditError,
    LogCorruptError,
    LogError,
    LogFinishedError,
    NotSealedError,
    StorageFailedError,
    WriterEndedError,
)
from audit.evidence import Evidence, Place
from audit.filestore import FileStore
from audit.note import Signer, format_vkey, parse_note, verify_lines
from audit.recovery import State, follow, load, sealed_tree, sweep
from audit.sealed import Sealed
from audit.segment import encode_group, scan
from audit.tiles import TreeReader, partial_paths

CHECKPOINT: Final = "checkpoint"
VKEY: Final = "vkey"
Keys = Callable[[], Sequence[Signer]]


class Log:
    """An open log. Thread-safe; other processes may have the same log open."""

    def __init__(self, store: FileStore, keys: Signer | Keys, witnesses: Sequence[Cosigner] = ()) -> None:
        """Recover and open; ``audit.logdir.open_log`` is the usual way in.

        ``keys`` is its key, or where to look for its keys after another process published; ``witnesses`` are
        asked to cosign each checkpoint.

        Raises:
            LogCorruptError: the disk does not cover what was signed or acknowledged, or the key is another.
            LogForkedError: a witness has seen more, or something else.
            StorageFailedError: the disk failed.
        """
        self._store, self._witnesses, self._greeted = store, witnesses, False
        self.at_hand: Keys = keys if callable(keys) else lambda: (keys,)
        self.signers: tuple[Signer, ...] = ()
        self._turn = threading.Lock()
        self._batches = Batches(self._turn, self._commit)
        self._ended: LogError | None = None
        self._state: State | None = None
        with self._exclusive("recovery"):
            pass
        if witnesses:
            self.publish()

    @property
    def signer(self) -> Signer:
        """The key that the log is known by: during a rotation the old one."""
        return self.signers[0]

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.signer.key.name

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+id+key``."""
        return format_vkey(self.signer.key)

    @property
    def ended(self) -> LogError | None:
        """Why this writer takes nothing any more; None while it does."""
        return self._ended

    def append(self, *entries: bytes) -> tuple[int, ...]:
        """Make entries durable, all or none; returns their indices.

        Raises:
            EntryError: one of them is no canonical entry; nothing is written.
            StorageFailedError: the disk failed (``disk_full``: it is full); nothing is acknowledged.
            LogCorruptError: the log was changed by something that is no writer; nothing is acknowledged.
            LogFinishedError: the log was closed; nothing is written.
            WriterEndedError: an earlier call failed.
        """
        for entry in entries:
            check_entry(entry)
        if not entries:
            return ()
        first = self._batches.add(entries)
        if first is None:  # the commit that took these along failed
            if self._state and self._state.finished:
                raise LogFinishedError(self.origin)
            raise WriterEndedError(str(self._ended or "interrupted"))
        return tuple(range(first, first + len(entries)))

    def finish(self, last: bytes) -> bytes:
        """Append the last entry that there will be, unless it stands, and publish; returns the note.

        From then on neither the log nor its checkpoint changes. Raises as ``append``.
        """
        check_entry(last)
        with self._turn, contextlib.suppress(LogFinishedError):
            self._commit(lambda: [last])
        return self.publish()

    def publish(self, *signers: Signer) -> bytes:
        """Write tiles and a signed checkpoint over everything appended; returns the checkpoint note.

        Given ``signers``, these sign from now on. Raises LogError; the last checkpoint still holds;
        LogFinishedError when the log is closed, and others should sign it.
        """
        with self._turn, self._exclusive("publication") as state:
            if state.finished and state.next == state.checkpoint.size:
                if signers:
                    raise LogFinishedError(self.origin)
                return state.note
            if signers:  # first the file that names the key, which signs already when it is a new one
                self._store.write({VKEY: f"{format_vkey(signers[0].key)}\n".encode()})
                self.signers = signers
            if state.next > state.checkpoint.size:
                self._state = self._extend(state)
                return self._state.note
            if (note := self._sign(state.checkpoint, state.note)) != state.note:
                self._store.write({CHECKPOINT: note})
                self._state = replace(state, note=note)
            return note

    def cosigned(self) -> dict[str, int]:
        """POSIX time of each witness's line in the published checkpoint, 0 for none. Raises LogError."""
        keys = [witness.key for witness in self._witnesses]
        found = verify_lines(parse_note(self.checkpoint()), keys)
        return {key.name: found.get(key, 0) for key in keys}

    def checkpoint(self) -> bytes:
        """The last signed checkpoint, as on disk. Raises LogError."""
        with self._turn, self._exclusive("reading") as state:
            return state.note

    def proof(self, index: int) -> bytes:
        """A tlog-proof of one entry against the last checkpoint. Raises NotSealedError, LogError."""
        return self.evidence([index]).proofs[Place(self.origin, index)]

    def evidence(self, indices: Iterable[int]) -> Evidence:
        """Entries with proofs against the last checkpoint. Raises NotSealedError, LogError."""
        with self._turn, self._exclusive("reading") as state:
            return self._sealed(state).evidence(indices)

    def read(self, indices: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Sealed entries by index, as of now. Raises NotSealedError, LogError."""
        with self._turn, self._exclusive("reading") as state:
            sealed = self._sealed(state)
        yield from sealed.read(indices)

    def entries(self, start: int = 0, *, unsealed: bool = False) -> Iterator[tuple[int, bytes]]:
        """Every sealed entry from ``start`` on with its index, as of now; later ones are not seen.

        Args:
            start: index of the first entry wanted.
            unsealed: also those that are durable, but in no signed tree yet.
        """
        with self._turn, self._exclusive("reading") as state:
            sealed = self._sealed(state)
            groups = scan(self._store.read_pending(0))[0] if unsealed else ()
        later = [entry for group in groups for entry in group.entries]
        yield from sealed.entries(start, unsealed=unsealed, later=later)

    def _sealed(self, state: State) -> Sealed:
        return Sealed(state.note, self.vkey, self._store.read)

    def close(self) -> None:
        """End this writer; entries that were acknowledged stay, sealed or not."""
        with self._turn:
            self._ended = self._ended or WriterEndedError("closed")
            self._store.close()

    def _tree(self, size: int) -> TreeReader:
        return TreeReader(size, self._store.read)

    @contextlib.contextmanager
    def _exclusive(self, step: str) -> Iterator[State]:
        """The state as it is now, while no other process can change it. Any failure ends the writer."""
        if self._ended:
            raise WriterEndedError(str(self._ended))
        try:
            with self._store.lock():
                yield self._refresh()
        except (NotSealedError, LogFinishedError):
            raise
        except LogError as error:
            self._ended = error
            raise
        except OSError as error:
            self._ended = StorageFailedError(step, error.errno or 0)
            raise self._ended from error
        except BaseException:
            self._ended = StorageFailedError(step, 0)
            raise

    def _commit(self, take: Callable[[], Sequence[bytes]]) -> int:
        """Write and sync entries as one group; index of the first."""
        with self._exclusive("append") as state:
            if state.finished:
                raise LogFinishedError(self.origin)
            entries = take()
            data = encode_group(state.next, entries)
            try:
                self._store.append_pending(data, state.offset)
                self._store.sync_pending()
            except BaseException:
                with contextlib.suppress(OSError):  # what nobody acknowledged should not come back
                    self._store.cut_pending(state.offset)
                raise
            self._state = replace(
                state,
                next=state.next + len(entries),
                offset=state.offset + len(data),
                finished=is_last(entries[-1]),
            )
        return state.next

    def _extend(self, state: State) -> State:
        """Publish the pending entries: tiles, then checkpoint, then the segment and old tiles go."""
        groups, _ = scan(self._store.read_pending(0))
        fresh = [entry for group in groups for entry in group.entries]
        files, root = sealed_tree(state.checkpoint, self._store.read).extended(fresh)
        checkpoint = Checkpoint(state.checkpoint.origin, state.next, root)
        self._store.begin()
        self._store.write(files)
        note = self._sign(checkpoint, state.note)
        self._store.write({CHECKPOINT: note})
        self._store.cut_pending(0)
        self._store.remove(partial_paths(state.checkpoint.size) - partial_paths(state.next))
        self._store.finish()
        return State(note, checkpoint, state.next, 0, state.finished)

    def _sign(self, checkpoint: Checkpoint, before: bytes) -> bytes:
        """The checkpoint, signed and cosigned; at first every witness is asked what it has seen."""
        note, again = sign_checkpoint(checkpoint, *self.signers), not self._greeted
        self._greeted = True
        return cosign(note, before, self._tree(checkpoint.size).node, self._witnesses, again=again)

    def _refresh(self) -> State:
        """The state as it is on disk; cheap when no other process moved it."""
        state = self._state
        if state is None or self._store.interrupted():
            state = self._load()
            sweep(self._store, state.checkpoint.size, state.next)
        elif self._store.read(CHECKPOINT) != state.note:
            state = self._load()
        elif self._store.pending_size() != state.offset:
            state = follow(self._store, state)
        self._state = state
        return state

    def _load(self) -> State:
        """The state as it is on disk, and who signs."""
        note = self._store.read(CHECKPOINT)
        try:
            checkpoint, self.signers = open_signed(note, self.at_hand())
            verify_lines(parse_note(note), [witness.key for witness in self._witnesses])
        except AuditError as error:
            raise LogCorruptError(CHECKPOINT, str(error)) from error
        return load(self._store, note, checkpoint, self._state)
