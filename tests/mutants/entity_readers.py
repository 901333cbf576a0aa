"""Readers of entities that forget one thing that spaCy's own ``ner`` heeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from spacy.tokens import Doc

from privacy.pii.spacy_ner import BatchNer


class OnSpace(BatchNer):
    """Lets an entity start at white space."""

    def __init__(self, ner: Any) -> None:
        super().__init__(ner)
        self._allowed[2], self._allowed[3] = self._allowed[0], self._allowed[1]


class OneToken(BatchNer):
    """Lets every entity end where it starts."""

    def _read(self, docs: list[Doc]) -> tuple[list[int], list[int]]:
        moves, ends = super()._read(docs)
        return moves, np.arange(1, len(ends) + 1).tolist()


class Swapped(BatchNer):
    """Takes the move that ends an entity for the one that goes on."""

    def __init__(self, ner: Any) -> None:
        super().__init__(ner)
        self._follow[:] = self._follow[:, ::-1]
