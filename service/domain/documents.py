"""Take a nested document apart strictly: every key known, every value of its type, every error placed.

A ``Node`` is a mapping and its JSON pointer (RFC 6901). Errors carry the pointer and what to do, and never
a value.

>>> Node.mapping({"a": "1"}, "").integer("a")
Traceback (most recent call last):
service.errors.ContractError: a whole number is needed here, without quotes (at=/a)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from service.errors import ContractError

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,62}")


@dataclass(frozen=True, slots=True)
class Node:
    """A mapping in a document.

    Attributes:
        values: the mapping.
        at: its JSON pointer, ``""`` for the document itself.
        places: pointer of a key where it is not ``at/key``; used for lists of name-value pairs.
    """

    values: Mapping[str, object]
    at: str
    places: Mapping[str, str]

    @classmethod
    def mapping(cls, value: object, at: str) -> Self:
        """Check that the value is a mapping with string keys. Raises ContractError."""
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ContractError("a mapping with text keys is needed here", at=at or "/")
        return cls(value, at, {})

    def place(self, key: str) -> str:
        """JSON pointer of a key."""
        return self.places.get(key) or f"{self.at}/{key}"

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.values

    def only(self, *, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse a missing or an unknown key. Raises ContractError."""
        for key in self.values:
            if key not in required and key not in optional:
                shown = key if _PLAIN.fullmatch(key) else "?"
                raise ContractError(
                    "a key is not known here: remove it or correct it", at=self.at or "/", key=shown
                )
        for key in required:
            self._get(key)

    def text(self, key: str, pattern: re.Pattern[str] | None = None, form: str = "") -> str:
        """A non-empty printable string, of the given form if there is one. Raises ContractError."""
        value = self._get(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise ContractError("a text is needed here: quote numbers, dates, yes and no", at=self.place(key))
        if pattern is not None and not pattern.fullmatch(value):
            raise ContractError("the text has another form", at=self.place(key), form=form)
        return value

    def choice(self, key: str, allowed: Collection[str], default: str = "") -> str:
        """One of the allowed words; the default, if there is one, without the key. Raises ContractError."""
        value = default if default and not self.has(key) else self.text(key)
        if value not in allowed:
            raise ContractError(
                "the word is not known here", at=self.place(key), use=" | ".join(sorted(allowed))
            )
        return value

    def flag(self, key: str) -> bool:
        """A boolean. Raises ContractError."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise ContractError("true or false is needed here", at=self.place(key))
        return value

    def integer(self, key: str) -> int:
        """An integer; a boolean is none. Raises ContractError."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ContractError("a whole number is needed here, without quotes", at=self.place(key))
        return value

    def sequence(self, key: str) -> Sequence[object]:
        """A non-empty list. Raises ContractError."""
        value = self._get(key)
        if not isinstance(value, list | tuple) or not value:
            raise ContractError("a list with at least one item is needed here", at=self.place(key))
        return value

    def items(self, key: str) -> Iterator[Node]:
        """The mappings of a non-empty list. Raises ContractError."""
        for index, value in enumerate(self.sequence(key)):
            yield Node.mapping(value, f"{self.place(key)}/{index}")

    def facts(self, key: str) -> Node:
        """A list of ``{property, value}`` pairs as one mapping; no property twice. Raises ContractError."""
        values: dict[str, object] = {}
        places: dict[str, str] = {}
        for pair in self.items(key):
            pair.only(required=("property", "value"), optional=("description",))
            name = pair.text("property", _PLAIN, "a name")
            if name in values:
                raise ContractError("the property is given twice", at=pair.at, property=name)
            values[name] = pair.values["value"]
            places[name] = f"{pair.at}/value"
        return Node(values, self.place(key), places)

    def _get(self, key: str) -> object:
        if key not in self.values:
            raise ContractError("a key is missing: add it", at=self.at or "/", key=key)
        return self.values[key]


def text_items(
    node: Node, key: str, *, pattern: re.Pattern[str] | None = None, limit: int = 1000
) -> tuple[str, ...]:
    """A non-empty list of different texts. Raises ContractError."""
    values = node.sequence(key)
    if len(values) > limit:
        raise ContractError("the list is too long", at=node.place(key), limit=limit)
    texts: dict[str, None] = {}
    for index, value in enumerate(values):
        at = f"{node.place(key)}/{index}"
        text = Node({key: value}, node.at, {key: at}).text(key, pattern, "a-z, 0-9 and _")
        if text in texts:
            raise ContractError("the list names this twice", at=at)
        texts[text] = None
    return tuple(texts)
