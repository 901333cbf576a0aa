"""Rules between tables: a contract that refers to a reference table, on the way in."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.contract_documents import format_contract
from fakes.intake import STEWARD, open_intake, stored_text
from fakes.payments import CONTRACT, add_payments, payment, referring, write_payments

from service.domain.odcs import parse_contract
from service.errors import ContractError, DriftError
from service.ports import Deps
from service.usecases.correction import list_quarantine
from service.usecases.ingest import ingest
from service.usecases.quality import quality_report
from service.usecases.reference import add_reference

DISTRICTS = b"district,population,median_income\n110105,3442000,98000\n310115,5681000,102000\n"


def add_census(deps: Deps, data: bytes = DISTRICTS, key: str = "district") -> None:
    add_reference("census", data, key=key, licence="CC0", source="Office", actor=STEWARD, deps=deps)


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """A service with a table of districts."""
    deps = open_intake(tmp_path / "home", clock)
    add_census(deps)
    return deps


def rules(deps: Deps) -> dict[int, tuple[str, str]]:
    found = list_quarantine("payments", actor=STEWARD, deps=deps)
    return {row: (rule, column) for row, rule, column in found.select("row", "rule", "column").iter_rows()}


def test_a_row_with_another_value_goes_to_quarantine_and_null_passes(deps: Deps, tmp_path: Path) -> None:
    add_payments(deps, columns=referring("census.district"))
    places = ["110105", "999999", "", "310115", "110105 ", "99"]
    rows = [payment(n, place=place) for n, place in enumerate(places)]
    row = ingest(write_payments(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.reasons) == (3, {"reference": 3})
    assert rules(deps) == dict.fromkeys((2, 5, 6), ("reference", "place"))
    [day] = quality_report("payments", actor=STEWARD, deps=deps)
    assert (day["validity"], day["consistency"]) == (1000, 500)
    assert "999999" not in stored_text(deps)


@pytest.mark.parametrize(
    "to",
    ["nothing.district", "census.nothing", "census.population", "statements.month", "customers.resident_id"],
)
def test_what_is_not_there_and_what_is_of_people_is_refused_at_registration(deps: Deps, to: str) -> None:
    with pytest.raises(ContractError) as refused:
        add_payments(deps, columns=referring(to))
    assert refused.value.fields == {"column": "place", "table": to.partition(".")[0]}
    with deps.ops() as tx:
        assert tx.datasets.get("payments") is None


@pytest.mark.parametrize("column", ["mobile", "day", "cents"])
def test_only_a_text_that_is_stored_as_it_is_refers(column: str) -> None:
    document = format_contract(CONTRACT)
    document["schema"][0]["properties"][["mobile", "day", "cents"].index(column)]["relationships"] = [  # type: ignore[index]  # a plain document
        {"to": "census.district"}
    ]
    with pytest.raises(ContractError, match="one reference of a stored text"):
        parse_contract(document)


@pytest.mark.parametrize(
    "links",
    [
        [], [{}], ["census.district"], [{"to": "census"}], [{"to": "../census.district"}],
        [{"to": "census.district", "from": "x.y"}], [{"to": "census.district", "type": "other"}],
        [{"to": "census.district"}, {"to": "census.district"}],
    ],
)  # fmt: skip
def test_another_form_is_refused_with_its_place(links: list[object]) -> None:
    document = format_contract(CONTRACT)
    document["schema"][0]["properties"][4]["relationships"] = links  # type: ignore[index]  # a plain document
    with pytest.raises(ContractError) as refused:
        parse_contract(document)
    assert str(refused.value.fields["at"]).startswith("/schema/0/properties/4/relationships")


def test_the_words_of_the_standard_are_taken(deps: Deps) -> None:
    document = format_contract(CONTRACT)
    document["schema"][0]["properties"][4]["relationships"] = [  # type: ignore[index]  # a plain document
        {"type": "foreignKey", "to": "census.district"}
    ]
    assert parse_contract(document).columns[4].refers_to == "census.district"


def test_a_table_that_lost_its_key_stops_the_batch_and_stores_nothing(deps: Deps, tmp_path: Path) -> None:
    add_payments(deps, columns=referring("census.district"))
    add_census(deps, DISTRICTS.replace(b"district", b"code"), key="code")
    file = write_payments(tmp_path / "a.csv", [payment(1)])
    with pytest.raises(ContractError, match="no reference table has this key"):
        ingest(file, "payments", actor=STEWARD, deps=deps)
    assert deps.events.tables() == ()
    add_census(deps)
    assert ingest(file, "payments", actor=STEWARD, deps=deps).counts.admitted == 1


def test_a_column_of_identifiers_is_still_drift(deps: Deps, tmp_path: Path) -> None:
    add_payments(deps, columns=referring("census.district"))
    rows = [payment(n, place="13912345678") for n in range(25)]
    with pytest.raises(DriftError):
        ingest(write_payments(tmp_path / "a.csv", rows), "payments", actor=STEWARD, deps=deps)
