"""The writer of a log: durable appends by group commit, and publication of a signed tree.

Order of every effect: write the segment, sync it, acknowledge; later tiles, then the checkpoint, then the
segment is emptied. So an acknowledged entry is on disk once or twice, never nowhere.

* Threads that append at the same time share one sync: whoever gets the turn commits for all who wait.
* Processes take turns through the store's lock; one that finds the state moved reads it again.
* A failed write or sync ends the writer. It is never tried again: the kernel may have dropped the pages.
* Opening recovers what a killed writer left, and refuses to run when the disk does not cover the signed
  checkpoint, or the tree does not extend the one that this writer saw before.

Open the log after forking, not before: a fork copies the threads' locks in whatever state they are.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from audit import merkle
from audit.checkpoint import Checkpoint, Proof, format_proof, sign_checkpoint, verify_checkpoint
from audit.entry import check_entry
from audit.errors import (
    AuditError,
    LogCorruptError,
    LogError,
    NotSealedError,
    ProofError,
    StorageFailedError,
    WriterEndedError,
)
from audit.evidence import Evidence
from audit.filestore import PENDING, TEMPORARY, FileStore
from audit.note import SigningKey, format_vkey
from audit.segment import encode_group, scan
from audit.tiles import WIDTH, TreeReader, encode_bundle, grow, partial_paths, tile_end, tile_path, tile_paths

CHECKPOINT: Final = "checkpoint"
VKEY: Final = "vkey"


@dataclass(frozen=True, slots=True)
class _State:
    """What the writer knows: the signed tree, the index of the next entry, the end of the segment."""

    note: bytes
    checkpoint: Checkpoint
    next: int
    offset: int


@dataclass(slots=True)
class _Ticket:
    """One caller's entries, waiting for a commit; ``first`` is their index once they are durable."""

    entries: tuple[bytes, ...]
    first: int | None = None


class Log:
    """An open log. Thread-safe; other processes may have the same log open."""

    def __init__(self, store: FileStore, signer: SigningKey) -> None:
        """Recover and open; ``audit.logdir.open_log`` is the usual way in.

        Raises:
            LogCorruptError: the disk does not cover what was signed or acknowledged, or the key is another.
            StorageFailedError: the disk failed.
        """
        self._store, self.signer, self._key = store, signer, signer.key
        self._queue: list[_Ticket] = []
        self._queue_lock, self._turn = threading.Lock(), threading.Lock()
        self._ended: LogError | None = None
        self._state: _State | None = None
        with self._exclusive("recovery"):
            pass

    @property
    def vkey(self) -> str:
        """The verifier key, ``name+id+key``."""
        return format_vkey(self._key)

    def append(self, *entries: bytes) -> tuple[int, ...]:
        """Make entries durable, all or none; returns their indices.

        Raises:
            EntryError: one of them is no canonical entry; nothing is written.
            StorageFailedError: the disk failed (``disk_full``: it is full); nothing is acknowledged.
            LogCorruptError: the log was changed by something that is no writer; nothing is acknowledged.
            WriterEndedError: an earlier call failed.
        """
        for entry in entries:
            check_entry(entry)
        if not entries:
            return ()
        ticket = _Ticket(entries)
        with self._queue_lock:
            self._queue.append(ticket)
        with self._turn:
            if ticket.first is None:
                self._commit()
        if ticket.first is None:  # the commit that took this ticket along failed
            raise WriterEndedError(str(self._ended))
        return tuple(range(ticket.first, ticket.first + len(entries)))

    def publish(self) -> bytes:
        """Write tiles and a signed checkpoint over everything appended; returns the checkpoint note.

        Raises:
            LogError: as ``append``; the last checkpoint still holds.
        """
        with self._turn, self._exclusive("publication") as state:
            if state.next > state.checkpoint.size:
                self._state = self._extend(state)
                return self._state.note
            return state.note

    def checkpoint(self) -> bytes:
        """The last signed checkpoint, as on disk. Raises LogError."""
        with self._turn, self._exclusive("reading") as state:
            return state.note

    def proof(self, index: int) -> bytes:
        """A tlog-proof of one entry against the last checkpoint. Raises NotSealedError, LogError."""
        return self.evidence([index]).proofs[index]

    def evidence(self, indices: Sequence[int]) -> Evidence:
        """Entries with proofs against the last checkpoint. Raises NotSealedError, LogError."""
        with self._turn, self._exclusive("reading") as state:
            tree = self._tree(state.checkpoint.size)
            entries = {index: tree.entry(index) for index in indices}
            paths = {index: merkle.inclusion_proof(index, tree.size, tree.node) for index in entries}
        proofs = {index: format_proof(Proof(index, path, state.note)) for index, path in paths.items()}
        return Evidence(state.note, self.vkey, entries, proofs)

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Every sealed entry with its index, as of now; entries appended or sealed later are not seen."""
        with self._turn, self._exclusive("reading") as state:
            tree = self._tree(state.checkpoint.size)
            last = tree.last_bundle()  # its file may be replaced later
        for bundle in range(tree.size // WIDTH):
            yield from enumerate(tree.bundle(bundle), bundle * WIDTH)
        yield from enumerate(last, tree.size - len(last))

    def close(self) -> None:
        """End this writer; entries that were acknowledged stay, sealed or not."""
        with self._turn:
            self._ended = self._ended or WriterEndedError("closed")
            self._store.close()

    def _tree(self, size: int) -> TreeReader:
        return TreeReader(size, self._store.read)

    @contextlib.contextmanager
    def _exclusive(self, step: str) -> Iterator[_State]:
        """The state as it is now, while no other process can change it. Any failure ends the writer."""
        if self._ended:
            raise WriterEndedError(str(self._ended))
        try:
            with self._store.lock():
                yield self._refresh()
        except NotSealedError:
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

    def _commit(self) -> None:
        """Write and sync everything that waits, as one group."""
        with self._queue_lock:
            batch, self._queue = self._queue, []
        with self._exclusive("append") as state:
            entries = [entry for ticket in batch for entry in ticket.entries]
            data = encode_group(state.next, entries)
            try:
                self._store.append_pending(data, state.offset)
                self._store.sync_pending()
            except BaseException:
                with contextlib.suppress(OSError):  # what nobody acknowledged should not come back
                    self._store.cut_pending(state.offset)
                raise
            self._state = replace(state, next=state.next + len(entries), offset=state.offset + len(data))
        first = state.next
        for ticket in batch:
            ticket.first = first
            first += len(ticket.entries)

    def _extend(self, state: _State) -> _State:
        """Publish the pending entries: tiles, then checkpoint, then the segment and old tiles go."""
        groups, _ = scan(self._store.read_pending(0))
        fresh = [entry for group in groups for entry in group.entries]
        tree, size = self._sealed(state.checkpoint), state.checkpoint.size
        files, after = grow(size, tree.rows(), merkle.leaf_hashes(fresh))
        entries = [*tree.last_bundle(), *fresh]
        for at in range(0, len(entries), WIDTH):
            part = entries[at : at + WIDTH]
            files[tile_path("entries", (size + at) // WIDTH, len(part))] = encode_bundle(part)
        checkpoint = Checkpoint(self._key.name, state.next, merkle.root_of(merkle.frontier(after)))
        note = sign_checkpoint(checkpoint, self.signer)
        self._store.begin()
        self._store.write(files)
        self._store.write({CHECKPOINT: note})
        self._store.cut_pending(0)
        self._store.remove(partial_paths(size) - partial_paths(state.next))
        self._store.finish()
        return _State(note, checkpoint, state.next, 0)

    def _refresh(self) -> _State:
        """The state as it is on disk; cheap when no other process moved it."""
        state = self._state
        if state is None or self._store.interrupted():
            state = self._load()
            self._sweep(state)
        elif self._store.read(CHECKPOINT) != state.note:
            state = self._load()
        elif self._store.pending_size() != state.offset:
            state = self._follow(state)
        self._state = state
        return state

    def _load(self) -> _State:
        """Read the state from disk and check that it covers what was signed and seen before."""
        note = self._store.read(CHECKPOINT)
        try:
            checkpoint = verify_checkpoint(note, self._key)
        except AuditError as error:
            raise LogCorruptError(CHECKPOINT, str(error)) from error
        tree = self._sealed(checkpoint)
        if self._state and self._state.checkpoint.size:
            self._check_extends(self._state.checkpoint, checkpoint, tree)
        return self._follow(_State(note, checkpoint, checkpoint.size, 0))

    def _sealed(self, checkpoint: Checkpoint) -> TreeReader:
        """The tree on disk, if its root and the bundle that a cut or a stale copy shortens are as signed."""
        tree = self._tree(checkpoint.size)
        if tree.root() != checkpoint.root:
            raise LogCorruptError(CHECKPOINT, "the tiles on disk are not the signed tree")
        if (last := tree.last_bundle()) and merkle.leaf_hashes(last) != tree.rows()[0]:
            path = tile_path("entries", tree.size // WIDTH, len(last))
            raise LogCorruptError(path, "not the entries that were signed")
        return tree

    def _check_extends(self, old: Checkpoint, new: Checkpoint, tree: TreeReader) -> None:
        try:
            proof = merkle.consistency_proof(old.size, new.size, tree.node)
            merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)
        except ProofError as error:
            raise LogCorruptError(CHECKPOINT, "does not extend the tree seen before") from error

    def _follow(self, state: _State) -> _State:
        """Read on in the segment; cut a torn tail, drop groups that are sealed already."""
        if self._store.pending_size() < state.offset:
            raise LogCorruptError(PENDING, "shorter than what was acknowledged")
        data = self._store.read_pending(state.offset)
        groups, end = scan(data)
        if end < len(data):
            self._store.cut_pending(state.offset + end)
        if groups and groups[-1].stop <= state.checkpoint.size:
            self._store.cut_pending(0)
            return replace(state, offset=0)
        if groups and groups[0].index != state.next:
            raise LogCorruptError(PENDING, "does not continue the signed tree")
        return replace(state, next=groups[-1].stop if groups else state.next, offset=state.offset + end)

    def _sweep(self, state: _State) -> None:
        """Remove what an interrupted publication left; refuse when a signed tile is missing."""
        files, expected = self._store.files(), frozenset(tile_paths(state.checkpoint.size))
        if missing := sorted(expected - files):
            raise LogCorruptError(missing[0], "missing")
        ends = {path: tile_end(path) for path in files - expected}
        for path, end in ends.items():
            if end is not None and end > state.next:
                raise LogCorruptError(path, "larger than the signed tree")
        self._store.remove(p for p, end in ends.items() if end is not None or p.endswith(TEMPORARY))
        self._store.finish()
