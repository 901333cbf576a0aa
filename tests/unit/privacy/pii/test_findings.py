"""Arbitration yields disjoint spans that uncover nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.entities import ENTITIES, entity
from privacy.pii.findings import CUE, IN_CONTEXT, PATTERN, VALIDATED, Span, arbitrate
from privacy.pii.recognisers import ENGLISH_RULES, RULES

TEXT = "abcdefghijklmnopqrst"
SPANS = st.builds(
    lambda start, length, kind, score: Span(start, min(start + length, len(TEXT)), kind, score, "r"),
    st.integers(0, len(TEXT) - 1),
    st.integers(1, 12),
    st.sampled_from(("CN_ID_CARD", "PERSON", "LOCATION")),
    st.sampled_from((VALIDATED, IN_CONTEXT, PATTERN, CUE)),
)


def _characters(spans: list[Span] | tuple[Span, ...]) -> set[int]:
    return {i for s in spans for i in range(s.start, s.end)}


@given(st.lists(SPANS))
def test_it_covers_the_same_characters_with_disjoint_spans_in_order(spans: list[Span]) -> None:
    kept = arbitrate(spans, TEXT)
    assert _characters(kept) == _characters(spans)
    assert all(a.end <= b.start for a, b in pairwise(kept))


@given(st.lists(SPANS, min_size=1))
def test_the_best_score_survives_whole(spans: list[Span]) -> None:
    best = max(spans, key=lambda s: (s.score, s.end - s.start, s.type == "CN_ID_CARD", -s.start))
    assert (best.start, best.end, best.score) in [(s.start, s.end, s.score) for s in arbitrate(spans, TEXT)]


@given(st.lists(SPANS))
def test_arbitrating_twice_changes_nothing(spans: list[Span]) -> None:
    kept = arbitrate(spans, TEXT)
    assert arbitrate(kept, TEXT) == kept


def test_left_over_punctuation_is_dropped() -> None:
    spans = [Span(0, 4, "PERSON", CUE, "r"), Span(0, 3, "CN_QQ", PATTERN, "r")]
    assert arbitrate(spans, "abc,") == (spans[1],)


def test_every_type_a_rule_reports_is_in_the_entity_table() -> None:
    assert {t for rule in RULES + ENGLISH_RULES for t in rule.types} == set(ENTITIES)


def test_an_unknown_type_is_the_strictest() -> None:
    assert (entity("NEW").data_class, entity("NEW").sensitive) == ("C3", True)


def test_identifier_types_of_contracts_have_their_entity() -> None:
    assert {e.id_type for e in ENTITIES.values() if e.id_type} == {
        "cn_resident_id",
        "mobile",
        "email",
        "bank_card",
        "name",
    }
