"""What spaCy's component ``ner`` names in many documents, decided for all their tokens together.

spaCy goes from token to token and asks at each whether every one of its moves (B, I, L, U with each label,
or O) is allowed, which costs more than the network that scores them. In a document without entities and
sentences the scores outside an entity depend on the token alone, and inside one on its first token, too. So

* one product of matrices has the best move outside an entity for every token;
* where that is B, the moves I and L follow in rounds, for all such tokens together;
* from left to right, what would start inside an earlier entity is left out.

The scores come from spaCy's own layers, so the entities are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span

_TOKENS: Final = 2048  # after which the network is called: it holds these and what is left of one document
#: Moves outside an entity; those at the last token, in white space, and where it is both.
_ALLOWED: Final = ("BUO", "UO", "O", "O")


def is_usual(nlp: Any, naming: Sequence[str]) -> bool:
    """Whether what names anything is one ``ner``, and this and what it reads are of spaCy's usual form."""
    if naming != ["ner"] or nlp.get_pipe_meta("ner").factory != "ner":
        return False
    ner = nlp.get_pipe("ner")
    lower, attrs = ner.model.get_ref("lower"), ner.model.attrs
    state = (lower.get_dim("nF"), lower.get_dim("nP") > 1, attrs["has_upper"], attrs["unseen_classes"])
    around = (ner.cfg["beam_width"], ner.model.ops.name, type(nlp.tokenizer).__module__)
    return state == (3, True, True, set()) and around == (1, "numpy", "spacy.tokenizer")


class BatchNer:
    """A usual ``ner`` for documents that have neither entities nor sentences yet."""

    def __init__(self, ner: Any) -> None:
        moves = [ner.moves.get_class_name(n) for n in range(ner.moves.n_moves)]
        self._model: Final = ner.model
        self._labels: Final = [name[2:] for name in moves]
        self._begins: Final = np.array([name[0] == "B" for name in moves])
        self._allowed: Final = np.array([[m[0] in some and m != "U-" for m in moves] for some in _ALLOWED])
        follow = ([moves.index(move + name[1:]) if name[0] == "B" else 0 for move in "IL"] for name in moves)
        self._follow: Final = np.array(list(follow))

    def annotate(self, docs: Sequence[Doc]) -> None:
        """Give documents their entities."""
        filled = accumulate(map(len, docs))
        for _, some in groupby(docs, lambda _: next(filled) // _TOKENS):
            if batch := [doc for doc in some if len(doc)]:
                (moves, ends), here = self._read(batch), 0
                for doc in batch:
                    start, entities = here, []
                    while here < start + len(doc):
                        if label := self._labels[moves[here]]:
                            entities.append(Span(doc, here - start, ends[here] - start, label=label))
                        here = ends[here]
                    doc.set_ents(entities)

    def _read(self, docs: list[Doc]) -> tuple[list[int], list[int]]:
        """At each token the best move if no entity is open, and where what it starts ends."""
        step = self._model.predict(docs)
        is_space = np.concatenate([doc.to_array("IS_SPACE") for doc in docs]).astype(np.intp)
        here = np.arange(len(is_space))
        is_last = np.isin(here + 1, np.cumsum([len(doc) for doc in docs]))
        scores = _scores(step, here, np.full_like(here, -1), np.full_like(here, -1))
        moves = np.where(self._allowed[is_last + 2 * is_space], scores, -np.inf).argmax(axis=1)
        first, ends = np.flatnonzero(self._begins[moves]), here + 1
        here = first + 1
        while len(first):
            scores = _scores(step, here, first, here - 1)
            goes_on, closes = np.take_along_axis(scores, self._follow[moves[first]], axis=1).T
            is_over = is_last[here] | (closes > goes_on)
            ends[first[is_over]] = here[is_over] + 1
            first, here = first[~is_over], here[~is_over] + 1
        return moves.tolist(), ends.tolist()


def _scores(step: Any, *tokens: NDArray[np.intp]) -> Any:
    """Of each state the scores of all moves; a state is a token, the first and the last one of the entity."""
    return step.vec2scores.predict(step.state2vec.predict(np.stack(tokens, axis=1).astype(np.int32)))
