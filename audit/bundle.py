"""Report bundles: one zip that a regulator verifies with no network, no database and no secret.

Content: the report's files, and
``manifest.dsse.json`` (signed in-toto statement; subjects are the SHA-256 of every file of the report),
``checkpoint``, ``vkey``, ``entries/<place>.json`` and ``proofs/<place>.tlog-proof`` for each cited entry and
for the ``report:issue`` entry, whose payload is the digest of the manifest; and, where an authority was
asked, ``checkpoint.tsr``, its time-stamp over ``checkpoint`` (``audit.timestamp``). A place is the origin of
the log and the index of the entry (``audit.evidence``).

The zip itself is deterministic (names sorted, nothing compressed, one fixed date): verifying packs the files
again and compares, so no byte of the container can be changed either.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audit.canonical import read_exact
from audit.dsse import Statement, subject_digests
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import Evidence, HeadFacts, Place, Trust, link, parse_place, read_vkey, verify_chain
from audit.timestamp import verify_stamp

MANIFEST: Final = "manifest.dsse.json"
STAMP: Final = "checkpoint.tsr"
ISSUE: Final = "report:issue"
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16
_LOCAL: Final = struct.Struct("<4s5H3I2H")  # APPNOTE 4.3.7 local file header
_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}(?:/(?!\.)[A-Za-z0-9._-]{1,100})*")
_ENTRY: Final = re.compile(r"entries/(.+/(?:0|[1-9][0-9]{0,18}))\.json")
_PROOF: Final = re.compile(r"proofs/(.+/(?:0|[1-9][0-9]{0,18}))\.tlog-proof")


@dataclass(frozen=True, slots=True)
class BundleFacts(HeadFacts):
    """What a verified report bundle says.

    Attributes:
        issue: place of the ``report:issue`` entry.
        issued_at: its instant, ISO 8601.
        entries: cited places.
        files: SHA-256 in hex of each file of the report.
        predicate_type: kind of report.
        predicate: what the manifest states.
        stamped_at: time in the time-stamp of the checkpoint, ISO 8601; empty where there is none.
        stamp_pinned: whether the caller named the authority; else anybody could have made the time-stamp.
    """

    issue: str
    issued_at: str
    entries: tuple[str, ...]
    files: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, object]
    stamped_at: str
    stamp_pinned: bool


def pack_bundle(files: Mapping[str, bytes]) -> bytes:
    """A stored, deterministic zip. Raises FormatError for a name that could leave the folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            if not _NAME.fullmatch(name):
                raise FormatError("bundle", "file name")
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = 3, _MODE
            archive.writestr(info, files[name])
    return buffer.getvalue()


def _members(data: bytes) -> dict[str, bytes]:
    """Read the local records from the start; says nothing about whether the container is intact."""
    files: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == b"PK\x03\x04" and at + _LOCAL.size <= len(data):
        *_, size, name_bytes, extra_bytes = _LOCAL.unpack_from(data, at)
        start = at + _LOCAL.size
        name = data[start : start + name_bytes].decode("ascii", "replace")
        at = start + name_bytes + extra_bytes + size
        files[name] = data[at - size : at]
    return files


def unpack_bundle(data: bytes) -> dict[str, bytes]:
    """The exact inverse of ``pack_bundle``: what it would not have written raises FormatError."""
    return read_exact(data, "bundle", _members, pack_bundle)


def build_bundle(
    files: Mapping[str, bytes], envelope: bytes, cited: Sequence[Place], issue: Place, *, evidence: Evidence
) -> bytes:
    """Pack a report with its evidence, and verify the result before it is handed out.

    Args:
        files: the report (``report.zh.pdf``, ``report.json``, ...): exactly the subjects of the manifest.
        envelope: the manifest, signed by the log's key.
        cited: places that the manifest cites, ascending.
        issue: place of the ``report:issue`` entry that carries the manifest's digest.
        evidence: of ``cited`` and ``issue``, no others.

    Raises:
        FormatError: a file name that is not allowed or taken by the evidence.
        BrokenLinkError: the parts do not fit together.
    """
    own = _evidence_files(evidence) | {MANIFEST: envelope}
    if STAMP in files or not own.keys().isdisjoint(files):
        raise FormatError("bundle", "file name is taken")
    data = pack_bundle({**files, **own})
    facts = verify_bundle(data, vkey=evidence.vkey)
    if facts.entries != tuple(map(str, cited)) or facts.issue != str(issue):
        raise BrokenLinkError(f"entries cited by {MANIFEST}", "not those asked for")
    return data


def _evidence_files(evidence: Evidence) -> dict[str, bytes]:
    files = {"checkpoint": evidence.checkpoint, "vkey": f"{evidence.vkey}\n".encode()}
    files |= {STAMP: evidence.stamp} if evidence.stamp else {}
    files |= {f"entries/{place}.json": data for place, data in evidence.entries.items()}
    return files | {f"proofs/{place}.tlog-proof": data for place, data in evidence.proofs.items()}


def verify_bundle(data: bytes, *, vkey: Trust = None, tsa: bytes = b"") -> BundleFacts:
    """Check every link of a bundle.

    After the links of ``audit.evidence`` follow ``digest of <file>`` for each file of the report,
    ``presence of <file>`` for one that is missing or not in the manifest, ``packing of the zip``, and
    ``time-stamp of the checkpoint``.

    Args:
        data: the zip.
        vkey: the log's key, or the policy, that the verifier trusts; else the key in the bundle is believed.
        tsa: certificate (PEM) of the time-stamp authority that the verifier trusts; then there must be one.

    Raises:
        BrokenLinkError: names the first link that does not hold.
    """
    files = _members(data)
    for name in (MANIFEST, "checkpoint", "vkey"):
        if name not in files:
            raise BrokenLinkError(f"presence of {name}", "missing")
    evidence = Evidence(
        checkpoint=files["checkpoint"],
        vkey=read_vkey(files["vkey"]),
        entries={parse_place(m[1]): files[name] for name in files if (m := _ENTRY.fullmatch(name))},
        proofs={parse_place(m[1]): files[name] for name in files if (m := _PROOF.fullmatch(name))},
        stamp=files.get(STAMP, b""),
    )
    envelope = files.pop(MANIFEST)
    chain = verify_chain(MANIFEST, envelope, evidence, act=ISSUE, vkey=vkey)
    _check_files(files.keys() - _evidence_files(evidence).keys(), files, chain.statement)
    link("packing of the zip", lambda: unpack_bundle(data))
    subjects = dict(chain.statement.subjects)
    return BundleFacts(
        **chain.facts(vkey), issue=str(chain.act), issued_at=chain.acted_at, files=subjects,
        stamped_at=_stamped(evidence, tsa), stamp_pinned=bool(tsa),
    )  # fmt: skip


def _stamped(evidence: Evidence, tsa: bytes) -> str:
    if not evidence.stamp and not tsa:
        return ""
    sha256 = hashlib.sha256(evidence.checkpoint).digest()
    return link("time-stamp of the checkpoint", lambda: verify_stamp(evidence.stamp, sha256, tsa)).isoformat()


def _check_files(names: set[str], files: Mapping[str, bytes], statement: Statement) -> None:
    for name, expected in sorted(statement.subjects.items()):
        if name not in names:
            raise BrokenLinkError(f"presence of {name}", "missing")
        if subject_digests({name: files[name]})[name] != expected:
            raise BrokenLinkError(f"digest of {name}", "not the file that the manifest names")
    for name in sorted(names - statement.subjects.keys()):
        raise BrokenLinkError(f"presence of {name}", "not in the manifest")
