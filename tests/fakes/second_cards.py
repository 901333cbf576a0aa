"""A customer of the furnished house who is enrolled a second time, at a branch, with another card."""

from __future__ import annotations

import csv
from typing import Any, Final

import yaml
from fakes.house import House
from fakes.vaults import card

from service.domain.links import Link
from service.usecases.audience import subject_with
from service.usecases.datasets import add_dataset
from service.usecases.identity import merge_people
from service.usecases.ingest import ingest
from service.wiring import parse_contract_text

DPIA: Final = "DPIA-2026-014"
_COLUMNS: Final = ("card_no", "name", "mobile", "email", "education", "limit_cents")


def customer(house: House, email: str) -> dict[str, str]:
    """The row of a customer, as the source system gave it."""
    with (house.source / "customers.csv").open(encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["email"] == email)


def contract(house: House) -> str:
    """One row per card opened at a branch: no resident id is asked there."""
    document = yaml.safe_load((house.source / "contracts" / "customers.yaml").read_text(encoding="utf-8"))
    (table,) = document["schema"]
    table["name"], document["id"] = "branch", "urn:fiduciary:dataset:branch"
    table["properties"] = [p for p in table["properties"] if p["name"] in _COLUMNS]
    for column in table["properties"]:
        facts = {fact["property"]: fact for fact in column["customProperties"]}
        if column["name"] == "card_no":
            facts["role"]["value"] = "subject_id"
            del facts["links"]
        column["customProperties"] = list(facts.values())
    return str(yaml.safe_dump(document, allow_unicode=True))


def enrol_again(house: House, number: int, person: dict[str, str], **changes: str) -> int:
    """Open a card at the branch; returns the subject number of the new enrolment."""
    dana = house.actor("dana")
    with house.deps.ops() as tx:
        known = {c.name for c in tx.datasets.all()}
    if "branch" not in known:
        add_dataset(*parse_contract_text(contract(house)), actor=dana, deps=house.deps)
    new = {**person, "card_no": card(number), "mobile": f"138{number:08d}", **changes}
    path = house.source / f"branch-{number}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
        rows.writeheader()
        rows.writerow(new)
    ingest(path, "branch", actor=dana, deps=house.deps)
    return subject(house, "bank_card", card(number))


def bill(house: House, number: int, month: str, cents: int, *, status: str = "paid") -> None:
    """Take one statement of a branch card in."""
    path = house.source / f"bill-{number}-{month}-{cents}.csv"
    head = "card_no,month,bill_cents,paid_cents,pay_status\n"
    path.write_text(f"{head}{card(number)},{month},{cents},{cents},{status}\n", encoding="utf-8")
    ingest(path, "statements", actor=house.actor("dana"), deps=house.deps)


def subject(house: House, id_type: str, normal: str) -> int:
    """The enrolment that an identifier leads to."""
    found = subject_with(id_type, normal, house.deps)
    assert found is not None
    return found


def merged(house: House, a: int, b: int) -> Link:
    """Merge two enrolments by the steward's judgement."""
    return merge_people(a, b, DPIA, actor=house.actor("dana"), deps=house.deps)


def everything(house: House) -> dict[str, Any]:
    """All rows of all tables, in one order."""
    tables = house.deps.events.tables()
    return {name: sorted(house.deps.events.scan(name).collect().rows(), key=repr) for name in tables}
