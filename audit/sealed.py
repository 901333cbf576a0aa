"""The sealed entries of a log as of one checkpoint: read in order, by index, or with proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from audit import merkle
from audit.checkpoint import Proof, format_proof, parse_checkpoint
from audit.evidence import Evidence, Place
from audit.note import parse_note
from audit.tiles import WIDTH, TreeReader


class Sealed:
    """A tree that somebody has verified to be the one of the note. Every method may raise LogCorruptError."""

    def __init__(self, note: bytes, vkey: str, read: Callable[[str], bytes], *, pruned: bool = False) -> None:
        """``read`` gives the content of a file of the log; the last bundle, which grows, is read at once."""
        self.note, self.vkey = note, vkey
        self.head = parse_checkpoint(parse_note(note).text)
        self._tree = TreeReader(self.head.size, read)
        self._last = [] if pruned else self._tree.last_bundle()

    def entries(
        self, start: int = 0, *, unsealed: bool = False, later: Sequence[bytes] = ()
    ) -> Iterator[tuple[int, bytes]]:
        """Every entry from ``start`` on with its index, then ``later`` ones where unsealed are wanted."""
        size = self.head.size
        for bundle in range(start // WIDTH, size // WIDTH):
            entries = enumerate(self._tree.bundle(bundle), bundle * WIDTH)
            yield from (entry for entry in entries if entry[0] >= start)
        rest, at = [*self._last, *(later if unsealed else ())], size - len(self._last)
        yield from enumerate(rest[max(0, start - at) :], max(at, start))

    def read(self, indices: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Entries by index; fast where neighbours are asked for together. Raises NotSealedError."""
        size, at = self.head.size, self.head.size - self.head.size % WIDTH
        for index in indices:
            yield index, self._last[index - at] if at <= index < size else self._tree.entry(index)

    def evidence(self, indices: Iterable[int]) -> Evidence:
        """Entries with proofs against the checkpoint. Raises NotSealedError."""
        places = {Place(self.head.origin, index): index for index in indices}
        entries = {place: self._tree.entry(index) for place, index in places.items()}
        proofs = {place: format_proof(Proof(n, self._path(n), self.note)) for place, n in places.items()}
        return Evidence(self.note, self.vkey, entries, proofs)

    def verify(self, index: int, data: bytes) -> None:
        """Check that an entry is in the tree. Raises InclusionError."""
        head = self.head
        merkle.verify_inclusion(merkle.leaf_hash(data), index, head.size, self._path(index), head.root)

    def _path(self, index: int) -> tuple[bytes, ...]:
        return merkle.inclusion_proof(index, self.head.size, self._tree.node)
