"""A small contract with a column of every kind, and its document."""

from __future__ import annotations

from fakes.contract_documents import format_contract

from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.domain.odcs import parse_contract

COLUMNS = (
    Column("mobile", Role.SUBJECT_ID, Kind.STRING, "C2", id_type="mobile", links=True),
    Column("day", Role.EVENT_TIME, Kind.DATE, "C1"),
    Column("channel", Role.CATEGORY, Kind.STRING, "C1", keys=("phone", "chat")),
    Column("amount", Role.MEASURE, Kind.INTEGER, "C2", lower=-5, upper=100, unit="TWD-cent"),
    Column("text", Role.FREE_TEXT, Kind.STRING, "C2", required=False),
)

HEADER = "mobile,day,channel,amount,text"
GOOD = "15400000001,2005-04-01,phone,7,hello"


def make_document() -> dict[str, object]:
    """The contract as ``parse_contract`` takes it; a new one each time."""
    contract = DatasetContract(
        name="contacts",
        version="1.0.0",
        title="Contacts",
        columns=COLUMNS,
        purposes=("service_improvement",),
        retention_class="service_note",
        creates_subjects=False,
        row_per_subject=False,
        digest="",
    )
    return format_contract(contract)


def make_contract() -> DatasetContract:
    """The contract itself."""
    return parse_contract(make_document())
