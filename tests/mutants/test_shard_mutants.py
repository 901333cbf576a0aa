"""Broken variants of what keeps a log in shards, each caught by a check that the real one passes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from fakes.audit_logs import KEY, entries, entry, sign_claim
from fakes.audit_shards import (
    NAME,
    bundle_parts,
    by_hand,
    closing,
    key_of,
    keys,
    made_of,
    make_shards,
    new_year,
    numbers,
    opening,
    take_entries,
)
from fakes.mutated import Mutant, mutated

import audit.dsse
import audit.entry
import audit.evidence
import audit.log
import audit.shards
import audit.verify_log
import audit.verify_shards
from audit.canonical import digest
from audit.entry import CLOSE, Entry, format_entry
from audit.errors import AuditError, BrokenLinkError, LogFinishedError
from audit.filestore import FIRST, FileStore
from audit.logdir import create_log, open_log
from audit.note import SigningKey
from audit.verify_shards import verify_logs

YEARS = (2026, 2027, 2028)


def made(shards: ModuleType, folder: Path) -> object:
    """Three shards, made by the module."""
    shards.create_shards(folder / "log", NAME, keys, 2026)
    log = shards.Shards(folder / "log", NAME, keys)
    for year in YEARS:
        log.append(entry(year), at=new_year(year))
    log.publish()
    return log


def each_goes_on_from_the_one_before(shards: ModuleType, folder: Path) -> None:
    made(shards, folder)
    assert numbers(folder / "log") == [*YEARS]
    verify_logs(folder / "log")


def one_turn_over_is_enough(shards: ModuleType, folder: Path) -> None:
    shards.create_shards(folder / "log", NAME, keys, 2026)
    log = shards.Shards(folder / "log", NAME, keys)
    for _ in range(2):  # two threads that saw 2026 as the newest
        log._turn_over(2026, new_year(2027))
    assert log.years() == [2026, 2027]


def begun_is_finished(shards: ModuleType, folder: Path) -> None:
    make_shards(folder / "log", 2026).newest().finish(closing("2027"))
    log = shards.Shards(folder / "log", NAME, keys)
    log.append(entry(7), at=new_year(2028))
    log.publish()
    assert log.years() == [*YEARS]
    assert numbers(folder / "log") == [0, 1, 2, 7]


def pruning_takes_all_of_the_old_and_nothing_of_the_new(shards: ModuleType, folder: Path) -> None:
    log = made(shards, folder)
    kept = [data for _, data in log.shard(2026).entries()]  # type: ignore[attr-defined]  # Shards of the variant
    for year in YEARS:
        handed_out = list(log.prune(year))  # type: ignore[attr-defined]
        assert handed_out == kept or year != 2026
    assert [each.pruned for each in verify_logs(folder / "log").logs] == [True, True, False]


def evidence_has_all_that_leads_there(shards: ModuleType, folder: Path) -> None:
    made(shards, folder)
    log = shards.Shards(folder / "log", NAME, keys)
    envelope, issue, evidence = bundle_parts(log, made_of(log, (2026, 0)), 2028)
    chain = audit.evidence.verify_chain("m", envelope, evidence, act="report:issue", vkey=None)
    assert (chain.act, len(chain.entries)) == (issue, 4)


def closed_is_closed(log: ModuleType, folder: Path) -> None:
    create_log(folder / "log", KEY)
    writers = [log.Log(FileStore(folder / "log"), KEY) for _ in range(2)]
    writers[0].append(entry(0))
    note = writers[0].finish(closing("2027"))
    for writer in (*writers, log.Log(FileStore(folder / "log"), KEY)):
        with pytest.raises(LogFinishedError):
            writer.append(entry(1))
        assert writer.publish() == note


def only_the_type_closes(entry_module: ModuleType, folder: Path) -> None:
    said = Entry(id="1", at=new_year(2027), type="a:b", actor="x", detail=(("type", CLOSE),))
    assert not entry_module.is_last(format_entry(said))
    assert entry_module.is_last(closing("2027"))


def a_log_alone_has_its_entries(verify: ModuleType, folder: Path) -> None:
    by_hand(folder, 2026, entry(0))
    take_entries(folder, 2026)
    with pytest.raises(BrokenLinkError):
        verify.verify_log(folder / "2026")


def refused(verify: ModuleType, folder: Path) -> None:
    with pytest.raises(BrokenLinkError):
        verify.verify_logs(folder)


def no_shard_is_missing(verify: ModuleType, folder: Path) -> None:
    for year in YEARS:
        make_shards(folder / str(year) / "log", *YEARS)
        verify.verify_logs(folder / str(year) / "log")
        shutil.rmtree(folder / str(year) / "log" / str(year))
        refused(verify, folder / str(year) / "log")


def no_shard_is_exchanged(verify: ModuleType, folder: Path) -> None:
    for name, count in (("a", 3), ("b", 4)):
        make_shards(folder / name, *YEARS, each=count)
    for year in (2027, 2028):
        shutil.rmtree(folder / "a" / str(year))
        (folder / "b" / str(year)).rename(folder / "a" / str(year))
    refused(verify, folder / "a")


def each_hands_over(verify: ModuleType, folder: Path) -> None:
    for last in (closing("2028"), entry(7)):
        by_hand(folder / "log", 2027, opening(by_hand(folder / "log", 2026, entry(0), last)))
        refused(verify, folder / "log")
        shutil.rmtree(folder / "log")


def nothing_else_is_there(verify: ModuleType, folder: Path) -> None:
    make_shards(folder / "log", *YEARS)
    (folder / "log" / "2029.tmp").mkdir()
    refused(verify, folder / "log")


def only_a_pruned_one_keeps_its_first_apart(verify: ModuleType, folder: Path) -> None:
    apart = by_hand(folder, 2026, entry(0)) / FIRST
    for data, prunable in ((b"", True), (entry(1), True), (entry(0), False)):
        apart.write_bytes(data)
        with pytest.raises(BrokenLinkError):
            verify.verify_log(folder / "2026", prunable=prunable)
    apart.write_bytes(entry(0))  # about to be pruned
    verify.verify_log(folder / "2026", prunable=True)


def only_the_oldest_are_pruned(verify: ModuleType, folder: Path) -> None:
    for year in YEARS:
        make_shards(folder / str(year) / "log", *YEARS)
        take_entries(folder / str(year) / "log", year)
    assert verify.verify_logs(folder / "2026" / "log").logs[0].pruned
    refused(verify, folder / "2027" / "log")
    refused(verify, folder / "2028" / "log")
    take_entries(folder / "2028" / "log", 2026)
    take_entries(folder / "2028" / "log", 2027)
    refused(verify, folder / "2028" / "log")


def proofs_lead_to_the_last_checkpoint_of_the_shard(evidence: ModuleType, folder: Path) -> None:
    shards = make_shards(folder / "log", 2026)
    (place,) = made_of(shards, (2026, 1))
    early = shards.evidence([place])
    envelope, _, whole = bundle_parts(shards, [place], 2027)
    evidence.verify_chain("m", envelope, whole, act="report:issue", vkey=None)
    mixed = replace(whole, proofs={**whole.proofs, **early.proofs})
    with pytest.raises(BrokenLinkError):
        evidence.verify_chain("m", envelope, mixed, act="report:issue", vkey=None)


def a_checkpoint_stands_for_its_log(evidence: ModuleType, folder: Path) -> None:
    old = by_hand(folder, 2026, *entries(0, 2), closing("2027"))
    theirs = open_log(old, key_of(f"{NAME}/2026")).evidence([1])
    place = audit.evidence.Place(f"{NAME}/2025", 1)  # where it is not
    envelope = sign_claim([place], key_of(f"{NAME}/2027"))
    act = entry(1, kind="rights:certify", payload=digest(envelope))
    by_hand(folder, 2027, opening(old, resource=place.origin), act)
    ours = open_log(folder / "2027", key_of(f"{NAME}/2027")).evidence([0, 1])
    (data,), (proof,) = theirs.entries.values(), theirs.proofs.values()
    lying = replace(ours, entries={**ours.entries, place: data}, proofs={**ours.proofs, place: proof})
    with pytest.raises(BrokenLinkError):
        evidence.verify_chain("s", envelope, lying, act="rights:certify", vkey=None)


def a_key_signs_in_the_name_of_any_of_its_logs(dsse: ModuleType, folder: Path) -> None:
    other, mine = SigningKey(f"{NAME}/2026", bytes(32)), key_of(f"{NAME}/2026")
    for signers in ((mine,), (mine, other)):
        envelope = sign_claim([], *signers)
        dsse.verify_envelope(envelope, key_of(f"{NAME}/2027").key)
    with pytest.raises(AuditError):
        dsse.verify_envelope(sign_claim([], mine), other.key)


SHARDS, VERIFY = audit.shards, audit.verify_shards
MUTANTS: list[Mutant] = [
    (
        "turn-over: without a close",
        SHARDS,
        "            note = old.finish(format_entry(close))\n",
        "            note = old.append(format_entry(replace(close, type='log:end'))) and old.publish()\n",
        each_goes_on_from_the_one_before,
    ),
    (
        "turn-over: another digest",
        SHARDS,
        "payload=digest(note),",
        "payload=digest(note[:-1]),",
        each_goes_on_from_the_one_before,
    ),
    (
        "turn-over: another origin",
        SHARDS,
        "self._entry(at, OPEN, head.origin)",
        "self._entry(at, OPEN, origin)",
        each_goes_on_from_the_one_before,
    ),
    ("turn-over: once each", SHARDS, "if self._newest > year:", "if False:", one_turn_over_is_enough),
    (
        "turn-over: begun for another year",
        SHARDS,
        "origin = parse_entry(last).resource",
        "origin = close.resource",
        begun_is_finished,
    ),
    (
        "prune: the newest",
        SHARDS,
        "if year >= self._newest or",
        "if year > self._newest or",
        pruning_takes_all_of_the_old_and_nothing_of_the_new,
    ),
    (
        "prune: only put aside",
        SHARDS,
        "            shutil.rmtree(gone)\n",
        "",
        pruning_takes_all_of_the_old_and_nothing_of_the_new,
    ),
    (
        "prune: nothing handed out",
        SHARDS,
        "range(0, size, WIDTH):",
        "():",
        pruning_takes_all_of_the_old_and_nothing_of_the_new,
    ),
    (
        "evidence: no way between",
        SHARDS,
        "wanted[self.origin(year)].add(0)",
        "wanted[self.origin(year)]",
        evidence_has_all_that_leads_there,
    ),
    (
        "evidence: to an older checkpoint",
        SHARDS,
        "replace(parts[-1], ",
        "replace(parts[0], ",
        evidence_has_all_that_leads_there,
    ),
    (
        "log: appends after the close",
        audit.log,
        "            if state.finished:\n",
        "            if False:\n",
        closed_is_closed,
    ),
    (
        "entry: any text closes",
        audit.entry,
        'data.partition(b\',"actor":\')[0].endswith(f\'"type":"{CLOSE}"\'.encode())',
        'f\'"type":"{CLOSE}"\'.encode() in data',
        only_the_type_closes,
    ),
    (
        "verify: any log is pruned",
        audit.verify_log,
        "pruned = prunable and not any(",
        "pruned = not any(",
        a_log_alone_has_its_entries,
    ),
    (
        "verify: any log keeps its first entry apart",
        audit.verify_log,
        "files & {FIRST} if prunable else set()",
        "files & {FIRST}",
        only_a_pruned_one_keeps_its_first_apart,
    ),
    (
        "verify: no predecessor",
        VERIFY,
        "    if named and before is None:\n",
        "    if False:\n",
        no_shard_is_missing,
    ),
    (
        "verify: any predecessor",
        VERIFY,
        "    if before and named != (before.origin, note):\n",
        "    if False:\n",
        no_shard_is_exchanged,
    ),
    (
        "verify: any checkpoint of the predecessor",
        VERIFY,
        "(first.resource, first.payload) if",
        "(first.resource, note) if",
        no_shard_is_exchanged,
    ),
    (
        "verify: no successor",
        VERIFY,
        "    if ends.last and ends.last.type == CLOSE:\n",
        "    if False:\n",
        no_shard_is_missing,
    ),
    (
        "verify: no hand-over",
        VERIFY,
        "        if before and not before.pruned and last and ",
        "        if False and ",
        each_hands_over,
    ),
    (
        "verify: strange files",
        VERIFY,
        "if strange := names - {",
        "if strange := set() - {",
        nothing_else_is_there,
    ),
    (
        "verify: pruned in the middle",
        VERIFY,
        "(before is None or before.pruned)",
        "True",
        only_the_oldest_are_pruned,
    ),
    (
        "verify: all pruned",
        VERIFY,
        "prunable = year != years[-1] and (",
        "prunable = (",
        only_the_oldest_are_pruned,
    ),
    (
        "evidence: any checkpoint of the shard",
        audit.evidence,
        "            or digest(parsed.checkpoint) != expected\n",
        "",
        proofs_lead_to_the_last_checkpoint_of_the_shard,
    ),
    (
        "evidence: any log",
        audit.evidence,
        "        if head.origin != place.origin:\n",
        "        if False:\n",
        a_checkpoint_stands_for_its_log,
    ),
    (
        "statement: the name of the newest shard only",
        audit.dsse,
        "_key_id(replace(key, name=name)) == key_id",
        "_key_id(key) == key_id",
        a_key_signs_in_the_name_of_any_of_its_logs,
    ),
    (
        "statement: a name is enough",
        audit.dsse,
        "_key_id(replace(key, name=name)) == key_id",
        "True",
        a_key_signs_in_the_name_of_any_of_its_logs,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_mutant_is_caught_and_the_real_one_passes(tmp_path: Path, mutant: Mutant) -> None:
    _, module, old, new, check = mutant
    check(module, tmp_path)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    caught = pytest.raises((AssertionError, AuditError, pytest.fail.Exception))
    with mutated(module, old, new, tmp_path) as broken, caught:
        check(broken, tmp_path)
