"""Fifty thousand people go in; no byte of an identifier of theirs lies about in the data directory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.command import CommandLine
from fakes.intake import STEWARD, open_intake

from service.demo.identities import make_identities
from service.demo.notes import write_note
from service.usecases.consent import import_consents
from service.usecases.ingest import ingest

PEOPLE = 50_000
NOTES = 5_000
IDENTIFIERS = ("resident_id", "mobile", "email", "card_no")


def write_people(path: Path, dice: np.random.Generator) -> pl.DataFrame:
    people = make_identities(dice.integers(20, 80, PEOPLE), dice.random(PEOPLE) < 0.5, dice)
    rest = {
        "education": "university",
        "marriage": "single",
        "sex": "female",
        "age_band": "20s",
        "limit_cents": "2000000",
        "default_next_month": "no",
    }
    people.with_columns(**{name: pl.lit(value) for name, value in rest.items()}).write_csv(path)
    return people


def write_notes(path: Path, people: pl.DataFrame, dice: np.random.Generator) -> None:
    rows = people.sample(2 * NOTES, seed=1).to_dicts()
    with path.open("w", encoding="utf-8") as file:
        for own, kin in zip(rows[:NOTES], rows[NOTES:], strict=True):
            note = {"noted_on": "2005-08-01", "channel": "phone", "text": write_note(own, kin, dice)[0]}
            file.write(json.dumps({"mobile": own["mobile"], **note}, ensure_ascii=False) + "\n")


def write_consents(path: Path, people: pl.DataFrame) -> None:
    given = {
        "purpose": "service_improvement",
        "kind": "plain",
        "given_at": "2024-03-09T12:05:10Z",
        "valid_until": "2046-01-01T00:00:00Z",
        "withdrawn_at": "",
        "notice": "2024-01",
    }
    people.select("resident_id", **{name: pl.lit(value) for name, value in given.items()}).write_csv(path)


@pytest.mark.slow
def test_no_identifier_of_fifty_thousand_people_is_in_the_clear_outside_the_vault(tmp_path: Path) -> None:
    dice = np.random.default_rng(20261122)
    people = write_people(tmp_path / "customers.csv", dice)
    write_notes(tmp_path / "notes.jsonl", people, dice)
    deps = open_intake(tmp_path / "home", FakeClock())
    write_consents(tmp_path / "consents.csv", people)
    customers = ingest(tmp_path / "customers.csv", "customers", actor=STEWARD, deps=deps).counts
    import_consents(tmp_path / "consents.csv", actor=STEWARD, deps=deps)
    notes = ingest(tmp_path / "notes.jsonl", "notes", actor=STEWARD, deps=deps).counts
    deps.audit.seal()
    needles = [value for name in IDENTIFIERS for value in people[name]]
    (tmp_path / "needles.txt").write_text("\n".join(needles) + "\n", encoding="utf-8")

    line = CommandLine(tmp_path / "home", {})
    ran = line.call("doctor", "--scan", tmp_path / "needles.txt", "--json")
    found = json.loads(ran.out)

    assert (customers.admitted, notes.admitted, found["needles"]) == (PEOPLE, NOTES, len(needles))
    assert (ran.code, found["hits"]) == (0, [])
    (tmp_path / "home" / "events" / "leak").write_text(needles[777][::-1], encoding="utf-8")  # seeded
    assert line.call("doctor", "--scan", tmp_path / "needles.txt", "--json").code == 1
