"""The pending segment: entries that are durable but not yet in a signed tree.

One group per commit: magic, index of its first entry, number of entries, length, CRC-32 over all of these
and the body; the body is spelt like an entry bundle. A group is whole or it is nothing. A writer syncs a
group before it writes the next, so a damaged group can be a torn, never acknowledged write only at the very
end; damage before a whole group means that acknowledged entries were changed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.errors import FormatError, LogCorruptError
from audit.tiles import decode_bundle, encode_bundle

_MAGIC: Final = b"FDS1"
_FIELDS: Final = struct.Struct(">QII")  # first index, entries, body bytes
_HEAD: Final = len(_MAGIC) + _FIELDS.size + 4


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one commit.

    Attributes:
        index: place of the first entry in the log.
        entries: at least one.
        end: byte offset in the segment at which the group ends.
    """

    index: int
    entries: tuple[bytes, ...]
    end: int

    @property
    def stop(self) -> int:
        """Index after the last entry."""
        return self.index + len(self.entries)


def encode_group(index: int, entries: Sequence[bytes]) -> bytes:
    """The bytes of one commit."""
    body = encode_bundle(entries)
    fields = _FIELDS.pack(index, len(entries), len(body))
    return b"".join((_MAGIC, fields, zlib.crc32(body, zlib.crc32(fields)).to_bytes(4), body))


def _group(data: bytes, at: int) -> Group | None:
    """The whole group that starts at ``at``, None when there is none."""
    start = at + _HEAD
    if data[at : at + len(_MAGIC)] != _MAGIC or start > len(data):
        return None
    fields = data[at + len(_MAGIC) : start - 4]
    index, count, length = _FIELDS.unpack(fields)
    body = data[start : start + length]
    if len(body) != length or zlib.crc32(body, zlib.crc32(fields)) != int.from_bytes(data[start - 4 : start]):
        return None
    try:
        entries = decode_bundle(body, count)
    except FormatError:
        return None
    return Group(index, tuple(entries), start + length) if entries else None


def scan(data: bytes) -> tuple[tuple[Group, ...], int]:
    """The whole groups of a segment, and the offset at which a torn tail begins (its length if none).

    Raises:
        LogCorruptError: damage before a whole group, or groups that do not follow each other.
    """
    groups: list[Group] = []
    at = 0
    while group := _group(data, at):
        if groups and group.index != groups[-1].stop:
            raise LogCorruptError("pending", f"entries out of order at byte {at}")
        groups.append(group)
        at = group.end
    later = at
    while (later := data.find(_MAGIC, later + 1)) >= 0:
        if _group(data, later):
            raise LogCorruptError("pending", f"damaged at byte {at}")
    return tuple(groups), at
