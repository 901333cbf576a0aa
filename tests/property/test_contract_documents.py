"""Any contract that can be written down is read back equal, with its rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.contract_documents import format_contract, format_limits
from hypothesis import given
from hypothesis import strategies as st

from service.domain.contracts import Column, DatasetContract, Kind, Limits, Role, Surrogates, TextProfile
from service.domain.documents import Node
from service.domain.odcs import parse_contract
from service.domain.rules import parse_limits
from service.errors import ContractError

INT64 = st.integers(-(2**63), 2**63 - 1)
PATTERNS = st.sampled_from(["", "^[A-Z]{2}[0-9]{6}$", r"\d+", "A|B", "(?i)^x"])


@st.composite
def limits(draw: st.DrawFn, kind: Kind, *, longest: int = 10_000) -> Limits:
    """Limits of a kind of column that leave some value."""
    keep = st.booleans()
    if kind in {Kind.DATE, Kind.TIMESTAMP}:
        days = sorted(draw(st.lists(st.dates(), min_size=2, max_size=2)))
        first, last = (day if draw(keep) else None for day in days)
        return Limits(minimum=first, maximum=last)
    values = st.integers(1, longest) if kind is Kind.STRING else INT64
    low, high = (n if draw(keep) else None for n in sorted(draw(st.lists(values, min_size=2, max_size=2))))
    if kind is Kind.STRING:
        return Limits(pattern=draw(PATTERNS), min_length=low, max_length=high)
    return Limits(minimum=low, maximum=high)


@st.composite
def contracts(draw: st.DrawFn) -> DatasetContract:
    """A contract with a column of every role."""
    time = draw(st.sampled_from([Kind.DATE, Kind.TIMESTAMP]))
    bounds = sorted(draw(st.lists(INT64, min_size=2, max_size=2, unique=True)))
    text, keys = Kind.STRING, draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    columns = (
        Column("mobile", Role.SUBJECT_ID, text, "C2", "mobile", links=True, limits=draw(limits(text))),
        Column("name", Role.DIRECT_IDENTIFIER, text, "C2", "name"),
        Column("at", Role.EVENT_TIME, time, "C1", limits=draw(limits(time))),
        Column("kind", Role.CATEGORY, text, "C1", keys=tuple(keys)),
        Column(
            "cents", Role.MEASURE, Kind.INTEGER, "C2", lower=bounds[0], upper=bounds[1], unit="CNY-fen",
            limits=draw(limits(Kind.INTEGER)), required=draw(st.booleans()),
        ),
        Column("more", Role.MEASURE, Kind.INTEGER, "C2", lower=0, upper=1, unit="CNY-fen"),
        Column("note", Role.FREE_TEXT, text, "C2", surrogates=draw(st.sampled_from(Surrogates))),
        Column("path", Role.WEB_PATH, text, "C1", limits=draw(limits(text))),
        Column("notice", Role.CONSENT_REF, text, "C1"),
        Column("paper", Role.AUTHORISATION_REF, text, "C1"),
        Column("until", Role.EXPIRES_ON, Kind.DATE, "C1", required=False, limits=draw(limits(Kind.DATE))),
        Column(
            "place", Role.DISTRICT, text, "C1", keys=draw(st.sampled_from([(), ("110101",)])),
            refers_to=draw(st.sampled_from(["", "census.district"])),
        ),
        Column("sex", Role.PROTECTED_ATTRIBUTE, text, "C2", keys=("f", "m")),
        Column("age", Role.QUASI_IDENTIFIER, text, "C2"),
    )  # fmt: skip
    single = draw(st.booleans())
    unique = st.lists(st.sampled_from(["at", "kind", "path", "cents"]), unique=True).map(tuple)
    return DatasetContract(
        name="clicks",
        version="1.2.3",
        title="Clicks",
        columns=columns,
        purposes=("service_improvement",),
        retention_class="service_note",
        creates_subjects=draw(st.booleans()),
        row_per_subject=single,
        digest="",
        unique_by=() if single else draw(unique),
        order=(("cents", "more"),) * draw(st.integers(0, 1)),
        minimum_quality=draw(st.integers(0, 1000)),
        text_profile=draw(st.sampled_from(TextProfile)),
    )


@given(contracts())
def test_a_contract_is_read_back_equal(contract: DatasetContract) -> None:
    document = format_contract(contract)
    assert replace(parse_contract(document), digest="") == contract
    assert format_contract(parse_contract(document)) == document


@given(st.data(), st.sampled_from(Kind))
def test_limits_are_read_back_equal(data: st.DataObject, kind: Kind) -> None:
    drawn = data.draw(limits(kind))
    options = format_limits(drawn)
    if options:
        assert parse_limits(Node.mapping(options, ""), kind, cap=10_000) == drawn
    else:
        assert drawn == Limits()


@given(
    st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.text(), max_size=4)
)
def test_any_other_mapping_is_refused_with_its_place(options: dict[str, object]) -> None:
    for kind in Kind:
        try:
            read = parse_limits(Node.mapping(options, "/o"), kind, cap=100)
        except ContractError as error:
            assert str(error.fields["at"]).startswith("/o")  # noqa: PT017  some mappings are fine
        else:
            assert format_limits(read) == options


@given(st.text(min_size=1, max_size=210))
def test_a_pattern_is_taken_or_refused_and_never_quoted(pattern: str) -> None:
    node = Node.mapping({"pattern": pattern}, "")
    try:
        parse_limits(node, Kind.STRING, cap=10)
    except ContractError as error:
        assert error.fields.keys() <= {"at", "limit"}  # noqa: PT017  some patterns are fine


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?<=a)b", r"(a)\1", "(a", r"\pL{1000}", "a{1000}{1000}", "a)|(b", "x" * 201]
)
def test_patterns_that_could_take_long_or_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(ContractError):
        parse_limits(Node.mapping({"pattern": pattern}, ""), Kind.STRING, cap=10)
