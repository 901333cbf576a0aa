"""What may not be kept any more is removed from disk, told in the log, and does not come back."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from fakes.clock import START, FakeClock
from fakes.intake import ANALYST, STEWARD, entries_of, subject_of, with_broken_trail
from fakes.retention_child import STEPS, retain
from fakes.special import MOBILES, RESIDENTS, open_special, take
from mutants.retentions import a_day_early, forgetful

from audit.entry import Entry
from service.domain.actors import Actor
from service.domain.sources import PushRecord
from service.errors import AuditUnavailableError, ContractError, DeniedError
from service.ports import Deps, Retained
from service.settings import load_settings
from service.usecases.correction import list_quarantine, release
from service.usecases.ingest import ingest
from service.usecases.retention import PUSH_DAYS, Expired, run_retention
from service.usecases.rows import rows_for_use
from service.wiring import open_service

KILLS = 8
DAY = timedelta(days=1)
CLICKS = ("2026-03-01T23:59:59Z", "2026-03-02T00:00:00Z", "2026-03-02T08:00:00Z")


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """Three customers who consented to everything."""
    return open_special(tmp_path, clock)


def click(number: int, at: str) -> dict[str, object]:
    return {"mobile": MOBILES[number], "clicked_at": at, "page": "/home"}


def report(number: int, expires_on: str, ended_on: str = "2025-06-01") -> dict[str, object]:
    facts = {"ended_on": ended_on, "authorisation": "auth/7", "expires_on": expires_on}
    return {"resident_id": RESIDENTS[number], **facts, "overdue_cents": 100}


def pseudonym(number: int, deps: Deps) -> bytes:
    subject = subject_of(deps, "mobile", MOBILES[number])
    assert subject is not None
    return bytes(deps.vault.pseudonyms([subject])["_sp"].item())


def stored(name: str, deps: Deps) -> int:
    """Rows on disk, shown or not."""
    return deps.events.scan(name).collect().height


def run(deps: Deps, *, dry_run: bool = False) -> dict[str, Expired]:
    return {e.resource: e for e in run_retention(actor=STEWARD, deps=deps, dry_run=dry_run)}


def told(deps: Deps) -> list[Entry]:
    return entries_of(deps, "retention:run")


# Rows.


def test_clicks_leave_the_disk_on_the_day_on_which_no_read_shows_them(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0]), *(click(1, at) for at in CLICKS)], deps)
    gone = pseudonym(0, deps)
    clock.advance(timedelta(days=89))
    assert run(deps)["dataset/app_events"].counts == {"rows": 0}
    clock.advance(DAY)
    assert run(deps)["dataset/app_events"] == Expired(
        "dataset/app_events", "behaviour_log", "2026-03-02", {"rows": 2}
    )
    assert stored("app_events", deps) == rows_for_use("app_events", deps).collect().height == 2
    assert [path for path in deps.events.residue([gone]) if path.startswith("app_events/")] == []
    assert deps.events.scan("app_events").collect()["_n"].to_list() == [2, 2]  # once there were three
    clock.advance(DAY)
    assert run(deps)["dataset/app_events"].counts == {"rows": 2}
    assert stored("app_events", deps) == 0


def test_reports_leave_after_the_last_day_of_their_authorisation_or_after_five_years(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    rows = [report(0, "2026-03-04"), report(1, "2026-06-01"), report(2, "2040-01-01", "2021-03-03")]
    take(tmp_path, "bureau_reports", rows, deps)
    clock.advance(DAY)
    assert run(deps)["dataset/bureau_reports"].counts == {"rows": 0}
    clock.advance(DAY)
    assert run(deps)["dataset/bureau_reports"].counts == {"rows": 1}  # five years
    clock.advance(DAY)
    assert run(deps)["dataset/bureau_reports"].counts == {"rows": 1}  # the authorisation
    assert stored("bureau_reports", deps) == rows_for_use("bureau_reports", deps).collect().height == 1


def test_other_classes_are_not_touched(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "partner_holdings", [{"mobile": MOBILES[0], "holdings_cents": 5}], deps)
    clock.advance(timedelta(days=36_500))
    assert set(run(deps)) == {"dataset/app_events", "dataset/bureau_reports", "vault", "source"}
    assert (stored("partner_holdings", deps), stored("customers", deps)) == (1, 3)


def test_a_class_that_a_law_says_keep_stays(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0])], deps)
    clock.advance(timedelta(days=200))
    rules = dict(deps.policy.bundle.retention)
    rules["behaviour_log"] = replace(rules["behaviour_log"], outcome="restrict", keep_days=3650)
    bundle = replace(deps.policy.bundle, retention=rules)
    assert "dataset/app_events" not in run(replace(deps, policy=type(deps.policy)(bundle)))
    assert stored("app_events", deps) == 1


def test_rows_of_a_person_under_restriction_stay(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0]), click(1, CLICKS[0])], deps)
    subject = subject_of(deps, "mobile", MOBILES[0])
    assert subject is not None
    deps.vault.restrict(subject)
    clock.advance(timedelta(days=200))
    assert run(deps)["dataset/app_events"].counts["rows"] == 1
    assert deps.events.scan("app_events").collect()["_sp"].to_list() == [pseudonym(0, deps)]


def test_a_dataset_of_an_unknown_class_is_refused_and_kept(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0])], deps)
    take(tmp_path, "bureau_reports", [report(0, "2026-03-04")], deps)
    clock.advance(timedelta(days=200))
    rules = {k: v for k, v in deps.policy.bundle.retention.items() if k != "bureau_record"}
    forgot = replace(deps, policy=type(deps.policy)(replace(deps.policy.bundle, retention=rules)))
    assert rows_for_use("bureau_reports", forgot).collect().is_empty()
    found = run(forgot)
    assert (found["dataset/bureau_reports"].refused, found["dataset/bureau_reports"].counts) == (
        "unknown_class", {},
    )  # fmt: skip
    assert (stored("bureau_reports", deps), stored("app_events", deps)) == (1, 0)
    entries = {entry.resource: entry for entry in told(deps)}
    assert entries["dataset/bureau_reports"].decision == "deny"
    assert dict(entries["dataset/bureau_reports"].detail)["reason"] == "unknown_class"


# They do not come back.


def test_the_file_of_removed_rows_stays_known_and_under_another_name_is_too_old(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    rows = [click(0, CLICKS[0]), click(1, CLICKS[1])]
    first = take(tmp_path, "app_events", rows, deps)
    clock.advance(timedelta(days=90))
    run(deps)
    assert take(tmp_path, "app_events", rows, deps) == first
    assert stored("app_events", deps) == 1
    file = tmp_path / "app_events.csv"
    again = ingest(file, "app_events", actor=STEWARD, deps=deps, source="other")
    assert (again.counts.admitted, again.counts.quarantined) == (1, 1)
    assert dict(again.reasons) == {"too_old": 1}
    (entry,) = deps.events.scan("quarantine_app_events").collect().rows(named=True)
    assert (entry["rule"], entry["column"], entry["_sp"], len(entry["row_tag"])) == (
        "too_old", "clicked_at", None, 32,
    )  # fmt: skip
    assert run(deps)["dataset/app_events"].counts == {"rows": 0, "quarantined": 0}


def test_the_oldest_day_of_use_is_admitted_and_the_day_before_is_not(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    clock.advance(timedelta(days=90))
    row = take(tmp_path, "app_events", [click(0, at) for at in CLICKS], deps)
    assert (row.counts.admitted, dict(row.reasons)) == (2, {"too_old": 1})
    assert rows_for_use("app_events", deps).collect().height == 2


def test_quarantine_of_old_batches_goes_and_its_rows_can_be_released_no_more(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    bad = {**click(0, CLICKS[0]), "mobile": "13800000009"}  # nobody known
    batch = take(tmp_path, "app_events", [bad], deps)
    clock.advance(DAY)
    later = take(tmp_path, "app_events", [bad, bad], deps)
    clock.advance(timedelta(days=89))
    assert run(deps)["dataset/app_events"].counts["quarantined"] == 0
    clock.advance(DAY)
    assert run(deps)["dataset/app_events"].counts["quarantined"] == 1
    left = list_quarantine("app_events", actor=STEWARD, deps=deps)
    assert left["batch"].unique().to_list() == [later.id[:16]]
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(
        f"mobile,clicked_at,page,_source_row\n{MOBILES[0]},2026-05-30T00:00:00Z,/,1\n", encoding="utf-8"
    )
    with pytest.raises(ContractError, match="not open"):
        release(batch.id, corrected, actor=STEWARD, deps=deps)


# Vault and push.


def test_documents_tags_and_answers_end(deps: Deps, clock: FakeClock) -> None:
    subject = subject_of(deps, "mobile", MOBILES[0])
    assert subject is not None
    midnight = START.replace(hour=0)
    deps.vault.retain(subject, b"{}", Retained("r1", "aml_record", midnight + DAY, "AML 34"))
    deps.vault.suppress([b"t" * 16], until=midnight + DAY)
    with deps.ops() as tx:
        signed = int(START.timestamp())
        tx.sources.answer("core-banking", "key", PushRecord("a" * 64, "b" * 64, signed))
    clock.advance(DAY)
    found = run(deps)
    assert (found["vault"].counts, found["source"].counts) == ({"documents": 0, "tags": 0}, {"answers": 0})
    clock.advance(timedelta(days=PUSH_DAYS))
    assert run(deps, dry_run=True)["source"].counts == {"answers": 1}
    found = run(deps)
    assert (found["vault"].counts, found["source"].counts) == ({"documents": 1, "tags": 1}, {"answers": 1})
    assert deps.vault.retained() == ()
    assert [e.resource for e in told(deps) if e.resource != "retention"] == ["vault", "source"]


# The log.


def test_each_store_is_told_once_with_counts_and_a_run_without_effect_is_one_entry(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0])], deps)
    clock.advance(timedelta(days=90))
    run(deps)
    (entry,) = told(deps)
    assert (entry.resource, entry.actor, entry.decision) == ("dataset/app_events", STEWARD.id, "allow")
    assert entry.detail == (("class", "behaviour_log"), ("cutoff", "2026-03-02"), ("rows", 1))
    run(deps)
    (_, nothing) = told(deps)
    assert (nothing.resource, nothing.detail) == ("retention", (("dry_run", 0), ("over", 0)))


def test_a_dry_run_counts_and_changes_nothing(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0])], deps)
    clock.advance(timedelta(days=90))
    version = deps.events.version("app_events")
    assert run(deps, dry_run=True)["dataset/app_events"].counts == {"rows": 1}
    assert (deps.events.version("app_events"), stored("app_events", deps)) == (version, 1)
    (entry,) = told(deps)
    assert entry.detail == (("dry_run", 1), ("over", 1))


def test_without_a_log_nothing_is_removed(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0])], deps)
    clock.advance(timedelta(days=90))
    with pytest.raises(AuditUnavailableError):
        run(with_broken_trail(deps))
    assert stored("app_events", deps) == 1


def test_steward_and_compliance_officer_may_run_it_and_nobody_else(deps: Deps) -> None:
    for role in ("data_steward", "compliance_officer"):
        run_retention(actor=Actor("user:x", frozenset({role})), deps=deps)
    for actor in (ANALYST, Actor("user:y", frozenset({"admin"}))):
        with pytest.raises(DeniedError):
            run_retention(actor=actor, deps=deps)


# Seeded bugs and killed runs.


def test_a_job_whose_days_are_off_by_one_is_noticed(tmp_path: Path, deps: Deps, clock: FakeClock) -> None:
    take(tmp_path, "app_events", [click(0, at) for at in CLICKS], deps)
    clock.advance(timedelta(days=90))
    shown = rows_for_use("app_events", deps).collect().height
    run(a_day_early(deps))
    assert stored("app_events", deps) != shown


def test_a_purge_that_is_forgotten_is_noticed_and_made_good_by_the_next_run(
    tmp_path: Path, deps: Deps, clock: FakeClock
) -> None:
    take(tmp_path, "app_events", [click(0, CLICKS[0]), click(1, CLICKS[1])], deps)
    clock.advance(timedelta(days=90))
    run(forgetful(deps))
    gone = pseudonym(0, deps)
    assert [path for path in deps.events.residue([gone]) if path.startswith("app_events/")] != []
    assert run(deps)["dataset/app_events"].counts == {"rows": 0}
    assert [path for path in deps.events.residue([gone]) if path.startswith("app_events/")] == []


def full_house(folder: Path) -> tuple[Deps, datetime]:
    """A service with old and new rows in many buckets, and things over in every store; and a later time."""
    clock = FakeClock()
    deps = open_special(folder, clock)
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(2)]
    clicks = [click(n, f"{day}T08:{m:02}:00Z") for n in (1, 2) for day in days for m in range(50)]
    take(folder, "app_events", [click(0, CLICKS[0]), *clicks], deps)
    take(folder, "bureau_reports", [report(0, "2026-03-04"), report(1, "2030-01-01")], deps)
    deps.vault.suppress([b"t" * 16], until=START)
    with deps.ops() as tx:
        tx.sources.answer("core-banking", "k", PushRecord("a" * 64, "b" * 64, int(START.timestamp())))
    return deps, clock.advance(timedelta(days=90))


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_point_and_run_again_it_is_done(
    tmp_path: Path, forkserver: ForkServerContext, step: str
) -> None:
    model, at = full_house(tmp_path / "model")
    gone, dice = pseudonym(0, model), random.Random(20260302)
    for n in range(1 if step else KILLS):
        home = shutil.copytree(tmp_path / "model/home", tmp_path / f"{n}")
        ours, theirs = forkserver.Pipe()
        child = forkserver.Process(target=retain, args=(home, at, step, theirs))
        child.start()
        theirs.close()  # a child that cannot begin ends the test, too
        assert ours.recv() == "ready"
        if not step:
            time.sleep(dice.uniform(0, 0.4))
            child.kill()
        child.join()
        assert step == "" or child.exitcode == -9
        deps = open_service(load_settings({}, home=home), clock=FakeClock(at))
        run(deps)
        for name, rows in (("app_events", 100), ("bureau_reports", 1)):
            assert stored(name, deps) == rows_for_use(name, deps).collect().height == rows
        paths = deps.events.residue([gone])
        assert [p for p in paths if p.startswith(("app_events/", "bureau_reports/"))] == []
        assert {kind: n for e in run(deps).values() for kind, n in e.counts.items() if n} == {}
        entries = told(deps)
        assert {"dataset/app_events", "dataset/bureau_reports", "vault", "source"} <= {
            e.resource for e in entries
        }
        assert len({e.id for e in entries}) == len(entries)
