"""``tlog-scales`` (Python) and ``@sigstore/verify`` (JavaScript) agree with our roots and proofs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_logs import CHECKPOINT, KEY, entries, entry
from fakes.audit_shards import key_of, make_shards, new_year
from fakes.foreign import Claim, ask_node, node_missing
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import ConsistencyProof, ConsistencyProofInvalid, InclusionProof, InclusionProofInvalid

from audit.checkpoint import Proof, format_proof, parse_checkpoint, parse_proof, verify_checkpoint
from audit.evidence import Place
from audit.log import Log
from audit.logdir import create_log
from audit.merkle import consistency_proof, leaf_hash
from audit.note import format_vkey, parse_note
from audit.shards import Shards
from audit.tiles import TreeReader

SIZE = 700
PICKED = (0, 1, 2, 127, 255, 256, 511, 512, 640, 698, 699)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    made = create_log(tmp_path_factory.mktemp("foreign") / "log", KEY)
    for start, stop in ((0, 256), (256, 300), (300, SIZE)):
        made.append(*entries(start, stop))
        made.publish()
    return made


@pytest.fixture(scope="module")
def foreign(log: Log) -> TilesReader:
    reader = TilesReader(LocalBackend(directory(log)))
    reader.get_checkpoint()
    return reader


def directory(log: Log) -> Path:
    return log._store.directory


def root(log: Log) -> bytes:
    return verify_checkpoint(log.checkpoint(), KEY.key).root


def test_tlog_scales_reads_our_checkpoint_and_finds_the_same_root(log: Log, foreign: TilesReader) -> None:
    checkpoint = foreign.get_checkpoint()
    checkpoint.verify(Vkey.from_string(format_vkey(KEY.key)))
    assert (checkpoint.origin, checkpoint.size, checkpoint.root_hash) == (KEY.name, SIZE, root(log))
    assert foreign.calculate_root_hash() == root(log)
    assert checkpoint.serialize().encode() == log.checkpoint()


def test_tlog_scales_reads_the_same_entries(foreign: TilesReader) -> None:
    assert [foreign.get_entry(index) for index in range(SIZE)] == entries(0, SIZE)


def test_proof_files_made_by_either_are_the_same(log: Log, foreign: TilesReader) -> None:
    for index in PICKED:
        theirs = tuple(foreign.get_inclusion_proof(index, SIZE).node_hashes)
        assert format_proof(Proof(index, theirs, log.checkpoint())) == log.proof(index)


def test_tlog_scales_accepts_our_inclusion_proofs_and_no_changed_one(log: Log) -> None:
    for claim in claims(log):
        accept(claim)
        for wrong in spoilt(claim):
            with pytest.raises(InclusionProofInvalid):
                accept(wrong)


def accept(claim: Claim) -> None:
    InclusionProof(claim.index, claim.size, list(claim.proof)).check(leaf_hash(claim.entry), claim.root)


def test_consistency_proofs_are_the_same_and_accepted_by_tlog_scales(log: Log, foreign: TilesReader) -> None:
    tree = TreeReader(SIZE, lambda path: (directory(log) / path).read_bytes())
    for old in (1, 2, 3, 255, 256, 257, 300, 512, 699):
        ours = list(consistency_proof(old, SIZE, tree.node))
        assert ours == foreign.get_consistency_proof(old, SIZE).node_hashes
        before = foreign.mth(0, old)
        ConsistencyProof(old, SIZE, ours).check(before, root(log))
        with pytest.raises(ConsistencyProofInvalid):
            ConsistencyProof(old, SIZE, ours).check(leaf_hash(b"x"), root(log))


def claims(log: Log) -> list[Claim]:
    """Our proofs, as a verifier that knows nothing of us would be asked about them."""
    made = []
    for index in PICKED:
        proof = parse_proof(log.proof(index))
        head = parse_checkpoint(parse_note(proof.checkpoint).text)
        made.append(Claim(entry(index), index, head.size, head.root, proof.hashes))
    return made


def spoilt(claim: Claim) -> Iterator[Claim]:
    """The claim with one bit changed, at another place, or with a hash too many or too few."""
    chance = random.Random(claim.index)

    def flip(data: bytes) -> bytes:
        at = chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]

    for at, item in enumerate(claim.proof):
        yield replace(claim, proof=[*claim.proof[:at], flip(item), *claim.proof[at + 1 :]])
    yield replace(claim, entry=flip(claim.entry))
    yield replace(claim, root=flip(claim.root))
    yield replace(claim, index=claim.index ^ 1)
    yield replace(claim, proof=claim.proof[:-1])
    yield replace(claim, proof=[*claim.proof, claim.root])
    yield replace(claim, index=claim.size)


def test_sigstore_accepts_our_inclusion_proofs_and_no_changed_one(log: Log) -> None:
    if missing := node_missing():
        pytest.skip(missing)
    good = claims(log)
    bad = [wrong for claim in good for wrong in spoilt(claim)]
    assert len(bad) > 150
    assert ask_node([*good, *bad]) == ["ok"] * len(good) + ["TLOG_INCLUSION_PROOF_ERROR"] * len(bad)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """A log of 300 entries that turned over twice."""
    made = make_shards(tmp_path_factory.mktemp("turned") / "log", 2026, each=300)
    for number, year in enumerate((2027, 2029), 1):
        made.append(*entries(1000 * number, 1000 * number + 300), at=new_year(year))
    made.publish()
    return made


def test_tlog_scales_reads_each_shard_as_a_log_of_its_own(shards: Shards) -> None:
    for year, size in ((2026, 301), (2027, 302), (2029, 301)):
        log, reader = shards.shard(year), TilesReader(LocalBackend(shards.folder / str(year)))
        checkpoint = reader.get_checkpoint()
        checkpoint.verify(Vkey.from_string(format_vkey(key_of(shards.origin(year)).key)))
        assert (checkpoint.origin, checkpoint.size) == (shards.origin(year), size)
        assert checkpoint.root_hash == reader.calculate_root_hash() == shards.head(year).root
        assert [reader.get_entry(n) for n in range(size)] == [data for _, data in log.entries()]
        for index in (0, 1, 255, 256, size - 1):
            theirs = tuple(reader.get_inclusion_proof(index, size).node_hashes)
            evidence = log.evidence([index])
            assert [format_proof(Proof(index, theirs, evidence.checkpoint))] == [*evidence.proofs.values()]


def test_others_accept_the_proofs_of_evidence_over_shards_and_no_changed_one(shards: Shards) -> None:
    places = [Place(shards.origin(year), 200) for year in (2026, 2027, 2029)]
    evidence, made = shards.evidence(places), []
    assert len(evidence.entries) == 5
    for place, data in evidence.entries.items():
        proof = parse_proof(evidence.proofs[place])
        head = parse_checkpoint(parse_note(proof.checkpoint).text)
        made.append(Claim(data, place.position, head.size, head.root, proof.hashes))
    bad = [wrong for claim in made for wrong in spoilt(claim)]
    for claim in made:
        accept(claim)
    for claim in bad:
        with pytest.raises(InclusionProofInvalid):
            accept(claim)
    if missing := node_missing():
        pytest.skip(missing)
    assert ask_node([*made, *bad]) == ["ok"] * len(made) + ["TLOG_INCLUSION_PROOF_ERROR"] * len(bad)


def test_the_node_lock_names_no_host() -> None:
    lock = Path(__file__).parent / "npm" / "package-lock.json"
    assert "resolved" not in lock.read_text()
    assert "://" not in lock.read_text()


def test_the_checkpoint_is_the_file_that_is_published(log: Log) -> None:
    assert (directory(log) / CHECKPOINT).read_bytes() == log.checkpoint()
