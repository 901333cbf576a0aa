"""Write service notes with identifiers planted at known places, beside notes that only look like it.

Templates (``data/words.toml``) have slots in braces. A slot of a person (``{own.mobile}``, ``{kin.name}``)
becomes an identifier, whose place is recorded (``title`` is none); a slot of ``{no.*}`` becomes a hard
negative: an order number, an amount, a date. Identifiers come in the shapes staff type them in: plain,
grouped, with country code, in full-width digits, glued to Chinese characters. Names stand after cue words,
since without a language model nothing else tells them from other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.demo.identities import WORDS

PLANTED_SHARE: Final = 0.45
FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")

#: Column of the customers table to the type the detector reports.
TYPES: Final[Mapping[str, str]] = {
    "name": "PERSON",
    "mobile": "PHONE_NUMBER",
    "resident_id": "CN_ID_CARD",
    "email": "EMAIL_ADDRESS",
    "card_no": "CN_BANK_CARD",
}

_TEMPLATES: Final[Mapping[str, list[str]]] = WORDS["templates"]
_SLOT: Final = re.compile(r"\{(own|kin|no)\.(\w+)\}")
_ENGLISH_SHARE: Final = 0.12
_TITLES: Final = (("Ms", "Mr"), ("女士", "先生"))


@dataclass(frozen=True, slots=True)
class Planted:
    """An identifier in a text.

    Attributes:
        start: offset of its first character.
        end: offset behind its last one.
        type: see ``TYPES``.
        value: as it stands in the text.
        plain: as it stands in the customers table.
    """

    start: int
    end: int
    type: str
    value: str
    plain: str


def write_note(
    own: Mapping[str, str], kin: Mapping[str, str], rng: np.random.Generator
) -> tuple[str, tuple[Planted, ...]]:
    """One note about a customer.

    Args:
        own: the customer's identity, by column.
        kin: a relative's identity, by column.
        rng: source of all choices.

    Returns:
        The text and what was planted in it, in order; often nothing.
    """
    template = _choose(_templates(own["name"], planted=rng.random() < PLANTED_SHARE, rng=rng), rng)
    chinese = not template.isascii()
    text, planted, last = "", [], 0
    for slot in _SLOT.finditer(template):
        text += template[last : slot.start()]
        last = slot.end()
        whose, what = slot.groups()
        if whose == "no":
            text += _NEGATIVES[what](rng)
            continue
        person = own if whose == "own" else kin
        if what == "title":
            text += _TITLES[chinese][int(person["resident_id"][-2]) % 2]
            continue
        plain = person[what]
        value = _shape(what, plain, rng, chinese=chinese)
        planted.append(Planted(len(text), len(text) + len(value), TYPES[what], value, plain))
        text += value
    return text + template[last:], tuple(planted)


def _templates(name: str, *, planted: bool, rng: np.random.Generator) -> Sequence[str]:
    latin_name = name.isascii()
    language = "en" if latin_name or rng.random() < _ENGLISH_SHARE else "zh"
    named = _TEMPLATES["en_named"] if latin_name and planted else []
    return named + _TEMPLATES[f"{language}_{'planted' if planted else 'plain'}"]


def _shape(what: str, plain: str, rng: np.random.Generator, *, chinese: bool) -> str:
    """The identifier as somebody might type it."""
    shapes = [plain, plain, *_SHAPES[what](plain)]
    if chinese and what in {"mobile", "card_no", "resident_id"}:
        shapes.append(plain.translate(FULL_WIDTH))
    return _choose(shapes, rng)


def _choose(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _day(rng: np.random.Generator) -> str:
    return f"2005-{rng.integers(4, 10):02d}-{rng.integers(1, 29):02d}"


#: How else somebody might type it.
_SHAPES: Final[Mapping[str, Callable[[str], list[str]]]] = {
    "name": lambda _: [],
    "mobile": lambda n: [f"{n[:3]}-{n[3:7]}-{n[7:]}", f"{n[:3]} {n[3:7]} {n[7:]}", f"+86 {n}"],
    "resident_id": lambda n: [n.lower()],
    "email": lambda address: [address.capitalize()],
    "card_no": lambda n: [" ".join(n[i : i + 4] for i in range(0, len(n), 4))],
}
_NEGATIVES: Final[Mapping[str, Callable[[np.random.Generator], str]]] = {
    "order": lambda rng: _day(rng).replace("-", "") + f"{rng.integers(10**6):06d}",
    "flow": lambda rng: f"90{rng.integers(10**14):014d}",
    "amount": lambda rng: f"{rng.integers(1, 90_000):,}.{rng.integers(100):02d}",
    "points": lambda rng: f"{rng.integers(100, 90_000)}",
    "rate": lambda rng: f"{rng.integers(100, 1800) / 100:.2f}",
    "month": lambda rng: f"{rng.integers(4, 10)}",
    "day": _day,
}
