"""Entities decided for all tokens together are those of spaCy's own component, which goes token by token."""

from collections.abc import Iterator, Sequence

import pytest
import spacy
from fakes.spacy_networks import LABELS, pipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import entity_readers
from spacy.tokens import Doc

from privacy.pii.spacy_ner import BatchNer, is_usual

WORDS = ("Emma", "Taylor", "called", "London", "on", "12", "May", "2005", ",", "-", "ＡＢ", "王芳", "x" * 40)
_GAPS = (" ", " ", " ", "  ", "\n", " \n\n ")
texts = st.lists(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(_GAPS)), max_size=30).map(
        lambda pairs: "".join(word + gap for word, gap in pairs)
    ),
    min_size=1,
    max_size=12,
)


def _entities(docs: Sequence[Doc]) -> list[list[tuple[int, int, str]]]:
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs]


def _differing(reader: type[BatchNer], seed: int, written: list[str]) -> Iterator[str]:
    nlp = pipeline(seed)
    docs = [nlp.make_doc(text) for text in written]
    reader(nlp.get_pipe("ner")).annotate(docs)
    theirs = list(nlp.pipe(written))
    for text, mine, their in zip(written, docs, theirs, strict=True):
        if _entities([mine]) != _entities([their]) or [t.ent_iob for t in mine] != [t.ent_iob for t in their]:
            yield text


@given(texts, st.integers(0, 5))
@settings(deadline=None)
def test_the_entities_are_those_of_spacy(written: list[str], seed: int) -> None:
    assert not list(_differing(BatchNer, seed, written))


SOME = [
    "Emma Taylor called London on 12 May 2005, Emma",
    "London  \n on 12 \n\n May 2005 Taylor - ",
    "Emma",
    "",
]


def test_the_entities_of_the_texts_below_are_of_all_kinds() -> None:
    found = [e for seed in range(6) for found in _entities(list(pipeline(seed).pipe(SOME))) for e in found]
    assert {label for _, _, label in found} == set(LABELS)
    assert {min(end - start, 3) for start, end, _ in found} == {1, 2, 3}


@pytest.mark.parametrize("mutant", [entity_readers.OnSpace, entity_readers.OneToken, entity_readers.Swapped])
def test_a_reader_that_forgets_a_rule_is_caught(mutant: type[BatchNer]) -> None:
    assert any(list(_differing(mutant, seed, SOME)) for seed in range(6))


def test_a_network_shared_with_other_components_is_asked_through_the_documents() -> None:
    nlp = pipeline(1, is_shared=True)
    docs = list(nlp.pipe(SOME, disable=["ner"]))
    BatchNer(nlp.get_pipe("ner")).annotate(docs)
    assert _entities(docs) == _entities(list(nlp.pipe(SOME)))
    assert any(_entities(docs))


def test_many_documents_and_long_ones_are_read_in_parts() -> None:
    long = [text * 200 for text in SOME]
    assert not list(_differing(BatchNer, 2, [*long, *SOME * 100, *long]))


def test_only_the_usual_component_alone_is_known() -> None:
    nlp = pipeline(0)
    assert is_usual(nlp, ["ner"])
    assert not is_usual(nlp, ["ner", "entity_ruler"])
    assert not is_usual(nlp, [])
    beams = spacy.blank("en")
    beams.add_pipe("beam_ner", name="ner").add_label("PERSON")  # type: ignore[attr-defined]
    assert not is_usual(beams, ["ner"])
    unseen = spacy.blank("en")
    model = unseen.add_pipe("ner").model  # type: ignore[attr-defined]
    model.attrs["unseen_classes"].add(1)
    assert not is_usual(unseen, ["ner"])
    assert not is_usual(spacy.blank("en", vocab=nlp.vocab), ["entity_ruler"])


def test_a_tokenizer_of_somebody_else_may_mark_what_it_likes() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    assert is_usual(nlp, ["ner"])
    own = nlp.tokenizer
    nlp.tokenizer = type("Own", (), {"__call__": lambda _, text: own(text)})()
    assert not is_usual(nlp, ["ner"])
