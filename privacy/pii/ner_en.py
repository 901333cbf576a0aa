"""Names of people and places in Latin text, by any BERT-like token classifier; the pinned one is Rampart.

Rampart names 17 types; only those it is good at are taken. Its numbers (government id, bank account, tax id)
are left to the rules, which can tell a number from another by its check digit. Text in other scripts is cut
out first: the model was trained on Latin script alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from privacy.errors import ModelMissingError
from privacy.pii.findings import NER, Span
from privacy.pii.models import ModelFiles, installed, session
from privacy.pii.normalise_text import encodable
from privacy.pii.recognisers.phones import NUMBER, is_plausible
from privacy.pii.recognisers.rule import last
from privacy.pii.windows import windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Rampart's labels, and those of other common models.
_TYPES: Final = {
    **dict.fromkeys(("GIVEN_NAME", "SURNAME", "PER", "PERSON"), "PERSON"),
    **dict.fromkeys(
        ("BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "CITY", "STATE", "ZIP_CODE"), "LOCATION"
    ),
    **dict.fromkeys(("LOC", "GPE", "LOCATION"), "LOCATION"),
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
}
#: What may stand between two parts of one name, or of one address (unit designators: USPS Publication 28).
_BETWEEN: Final = {
    "PERSON": re.compile(r"[ \-.'’]{0,2}(?:[^\W\d_]\.? )?"),
    "LOCATION": re.compile(r"[\s,.;#>\-]{0,6}(?:(?i:apt|apartment|suite|ste|unit|flat|room|box)\.?\s{1,2})?"),
}
_BESIDE: Final = re.compile(r"[ ]?")
#: A surname that the model did not see, right after a given name that it saw.
_SURNAME: Final = re.compile(r" (?:[A-Z]\.? )?[A-Z][^\W\d_]+(?:[\-'’][A-Z][^\W\d_]+)?(?![^\W_])")
_SEGMENT: Final = re.compile(r"[^\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
#: A word that is no part of an address, an account or a code. Beside Han text a single one is not enough.
_WORD: Final = re.compile(r"(?<![^\W_])(?<![@._\-/])[^\W\d_]{2,}(?![\w@]|[.\-/]\w)")
_POSTAL: Final = re.compile(r"zip|postal|post ?code|pin ?code|address|[A-Za-z],\s{1,3}$|\n\s*$")
_WINDOW: Final = 192  # tokens a call: attention costs the square of it
_MARGIN: Final = 32
_NEAR: Final = 24
_HALF: Final = 0.5


class LatinNer:
    """A token classifier over folded text. Immutable, safe to share between threads."""

    def __init__(self, model: ModelFiles | None = None) -> None:
        """Load the model: Rampart unless an operator's is given.

        An operator's model has ``config.json`` with ``id2label``, ``tokenizer.json``, and one ``.onnx`` file.

        Raises:
            ModelMissingError, ModelAlteredError: the files are not there, or others.
        """
        files = (model or installed("rampart")).read()
        labels = json.loads(files["config.json"])["id2label"]
        kinds = [labels[str(i)].partition("-")[2] for i in range(len(labels))]
        self._kinds: Final = sorted(set(kinds))  # "" comes first: the outside
        self._kind_of: Final = np.array([[kind == of for of in self._kinds] for kind in kinds], np.float32)
        self._tokenizer: Final = _tokenizer(files["tokenizer.json"])
        ends = self._tokenizer.encode("").ids
        self._first, self._last = ends[0], ends[-1]
        self._session: Final = session(next(data for name, data in files.items() if name.endswith(".onnx")))
        self._inputs: Final = {i.name for i in self._session.get_inputs()}

    def find(self, text: str) -> Iterator[Span]:
        """Spans in the Latin segments of folded text."""
        for segment in _SEGMENT.finditer(text):
            words = _WORD.findall(segment[0])
            if len(words) > 1 or (words and (words[0].istitle() or len(segment[0]) == len(text))):
                for start, end, kind in self._find(segment[0]):
                    yield Span(start + segment.start(), end + segment.start(), kind, NER, "token_classifier")

    def _find(self, text: str) -> Iterator[tuple[int, int, str]]:
        for start, end, kind, label in _parts(text, self._words(text)):
            if kind == "PHONE_NUMBER":
                yield from _whole_numbers(text, start, end)
            elif kind == "EMAIL_ADDRESS" and "@" not in text[start:end]:
                continue
            elif kind == "LOCATION" and text[start:end].isdigit() and last(_POSTAL, text, start) < 0:
                continue  # an order or a year is as long as a ZIP code
            elif kind == "PERSON" and any(map(str.isdigit, text[start:end])):
                continue
            elif label == "GIVEN_NAME" and (surname := _SURNAME.match(text, end)):
                yield start, surname.end(), kind
            else:
                yield start, end, kind

    def _words(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Words with the label that is most probable for all of their tokens; without those outside."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        if not encoding.ids:
            return
        likely = np.concatenate(list(self._classify(encoding.ids)))
        first = [i for i, (word, before) in enumerate(_pairs(encoding.word_ids)) if word != before]
        mean = np.add.reduceat(likely, first) / np.diff([*first, len(likely)])[:, None]
        inside = mean[:, 0] < _HALF
        best = mean[:, 1:].argmax(axis=1) + 1
        last = [*(i - 1 for i in first[1:]), len(likely) - 1]
        places = encoding.offsets
        for index in np.flatnonzero(inside):
            yield places[first[index]][0], places[last[index]][1], self._kinds[best[index]]

    def _classify(self, ids: list[int]) -> Iterator[NDArray[np.float32]]:
        """Probability of each kind for each token, window by window."""
        for window in windows(len(ids), _WINDOW, _MARGIN):
            part = np.array([[self._first, *ids[window.low : window.high], self._last]], np.int64)
            given = {
                "input_ids": part,
                "attention_mask": np.ones_like(part),
                "token_type_ids": np.zeros_like(part),
            }
            logits = self._session.run(None, {k: v for k, v in given.items() if k in self._inputs})[0][0]
            logits = logits[1:-1][window.inner]
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            yield weights / weights.sum(axis=1, keepdims=True) @ self._kind_of


def _whole_numbers(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Whole numbers that ``text[start:end]`` touches: the model sees parts."""
    for number in NUMBER.finditer(text, max(0, start - _NEAR)):
        if number.start() >= end:
            break
        if number.end() > start and is_plausible(text, *number.span()):
            yield *number.span(), "PHONE_NUMBER"


def _pairs(values: list[int | None]) -> Iterator[tuple[int | None, int | None]]:
    return zip(values, [-1, *values], strict=False)


def _parts(text: str, words: Iterator[tuple[int, int, str]]) -> Iterator[tuple[int, int, str, str]]:
    """Neighbouring words of one type joined: start, end, type, label of the last word."""
    held: tuple[int, int, str, str] | None = None
    for start, end, label in words:
        kind = _TYPES.get(label)
        if not kind:
            continue
        if held and held[2] == kind and _BETWEEN.get(kind, _BESIDE).fullmatch(text, held[1], start):
            held = (held[0], end, kind, label)
            continue
        if held:
            yield held
        held = (start, end, kind, label)
    if held:
        yield held


def _tokenizer(data: bytes) -> Tokenizer:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise ModelMissingError("tokenizers") from None
    tokenizer = Tokenizer.from_str(data.decode("utf-8"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
