"""The closed grammar of what may be asked: a plan is data, never code.

* ``dataset``: the table whose rows are counted.
* ``keys``: what to group by: ``month``, a category of the dataset, or ``table.column`` of a table with one
  row per subject (an N:1 join on the subject).
* ``measures``: ``count``, ``sum:column``, ``mean:column``.
* ``filters`` (optional): ``{"column": ..., "in": [...]}`` over public keys.
* ``periods``: the months ``YYYY-MM`` to read, for a table with time.
* ``rows_per_month`` (1): contribution bound C, how many rows of a customer and month count in full.
* ``epsilon`` (micro-units) and ``delta_exponent`` (7): what the whole plan may cost, at delta 10^-7.

``parse_plan`` and ``format_plan`` are inverse and strict: unknown fields, other types and duplicates are
refused. Measures, filters and months are sorted, so that plans which ask the same have one digest. What a
column is, the contracts say (``privacy.dp.schema``).

>>> plan = parse_plan({"dataset": "statements", "keys": ["month", "customers.education"],
...                    "measures": ["count", "mean:bill_cents"], "periods": ["2005-09"],
...                    "epsilon": 1_000_000})
>>> parse_plan(json.loads(format_plan(plan))) == plan
True
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, TypeVar

from privacy.dp.budget import DELTA_EXPONENTS, MAX_EPSILON
from privacy.dp.errors import PlanSyntaxError

MONTH: Final = "month"
MAX_ROWS_PER_MONTH: Final = 1000
_MAX: Final = {"keys": 4, "measures": 16, "filters": 8, "in": 256, "periods": 240}
_NAME: Final = "[a-z][a-z0-9_]{0,62}"
_DATASET: Final = re.compile(_NAME)
_REFERENCE: Final = re.compile(rf"({_NAME})(?:\.({_NAME}))?")
_MEASURE: Final = re.compile(rf"(count)|(sum|mean):({_NAME})")
_PERIOD: Final = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")
_REQUIRED: Final = frozenset({"dataset", "keys", "measures", "epsilon"})
_OPTIONAL: Final = frozenset({"filters", "periods", "rows_per_month", "delta_exponent"})
_ORDER: Final = {"count": 0, "sum": 1, "mean": 2}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A column: of the plan's own dataset (``table`` is empty) or of a joined one."""

    table: str
    column: str

    def __str__(self) -> str:
        """``column`` or ``table.column``."""
        return f"{self.table}.{self.column}" if self.table else self.column


@dataclass(frozen=True, slots=True)
class Measure:
    """What is wanted of each cell."""

    kind: Literal["count", "sum", "mean"]
    column: str

    def __str__(self) -> str:
        """``count`` or ``sum:column``."""
        return f"{self.kind}:{self.column}" if self.column else self.kind


@dataclass(frozen=True, slots=True, order=True)
class Filter:
    """Only rows whose category is one of the keys."""

    column: Reference
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan; see the module for the meaning of the fields. Made by ``parse_plan``."""

    dataset: str
    keys: tuple[Reference, ...]
    measures: tuple[Measure, ...]
    filters: tuple[Filter, ...]
    periods: tuple[str, ...]
    rows_per_month: int
    epsilon: int
    delta_exponent: int


def parse_plan(document: object) -> Plan:
    """Read a JSON object. Raises PlanSyntaxError naming the place, never the text."""
    if not isinstance(document, Mapping):
        _refuse("plan")
    fields = frozenset(document)
    if not fields >= _REQUIRED or not fields <= _REQUIRED | _OPTIONAL:
        _refuse("plan")
    measures = _unique(document["measures"], "measures", _measure, least=1)
    return Plan(
        dataset=_match(_DATASET, document["dataset"], "dataset")[0],
        keys=_unique(document["keys"], "keys", _group),
        measures=tuple(sorted(measures, key=lambda m: (m.column, _ORDER[m.kind]))),
        filters=tuple(sorted(_unique(document.get("filters", []), "filters", _filter))),
        periods=tuple(sorted(_unique(document.get("periods", []), "periods", _period))),
        rows_per_month=_integer(document.get("rows_per_month", 1), "rows_per_month", 1, MAX_ROWS_PER_MONTH),
        epsilon=_integer(document["epsilon"], "epsilon", 1, MAX_EPSILON),
        delta_exponent=_integer(
            document.get("delta_exponent", 7), "delta_exponent", DELTA_EXPONENTS[0], DELTA_EXPONENTS[-1]
        ),
    )


def format_plan(plan: Plan) -> str:
    """Canonical JSON: every field, sorted names, no spaces, ASCII."""
    document = {
        "dataset": plan.dataset,
        "keys": [str(key) for key in plan.keys],
        "measures": [str(measure) for measure in plan.measures],
        "filters": [{"column": str(f.column), "in": list(f.keys)} for f in plan.filters],
        "periods": list(plan.periods),
        "rows_per_month": plan.rows_per_month,
        "epsilon": plan.epsilon,
        "delta_exponent": plan.delta_exponent,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_plan(plan: Plan) -> str:
    """``sha256:`` of the canonical JSON: the identity of the question."""
    return "sha256:" + hashlib.sha256(format_plan(plan).encode()).hexdigest()


def _measure(value: object, where: str) -> Measure:
    match = _match(_MEASURE, value, where)
    if match[1]:
        return Measure("count", "")
    return Measure("sum" if match[2] == "sum" else "mean", match[3])


def _reference(value: object, where: str) -> Reference:
    match = _match(_REFERENCE, value, where)
    return Reference(match[1], match[2]) if match[2] else Reference("", match[1])


def _group(value: object, where: str) -> Reference:
    reference = _reference(value, where)
    if str(reference) == "count":  # an answer names its cells by keys and measures
        _refuse(where)
    return reference


def _period(value: object, where: str) -> str:
    return _match(_PERIOD, value, where)[0]


def _key(value: object, where: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable():  # noqa: PLR2004
        _refuse(where)
    return value


def _filter(value: object, where: str) -> Filter:
    if not isinstance(value, Mapping) or set(value) != {"column", "in"}:
        _refuse(where)
    keys = _unique(value["in"], "in", _key, least=1, where=f"{where}.in")
    column = _reference(value["column"], f"{where}.column")
    if str(column) == MONTH:
        _refuse(f"{where}.column")  # months are chosen by ``periods``
    return Filter(column, tuple(sorted(keys)))


def _unique(
    value: object, field: str, item: Callable[[object, str], _T], *, least: int = 0, where: str = ""
) -> tuple[_T, ...]:
    """A JSON list of distinct items within the limits of the field."""
    place = where or field
    if not isinstance(value, list) or not least <= len(value) <= _MAX[field]:
        _refuse(place)
    items = tuple(item(entry, f"{place}[{i}]") for i, entry in enumerate(value))
    if len(set(items)) != len(items):
        _refuse(place)
    return items


def _integer(value: object, where: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:  # not isinstance: True is an int
        _refuse(where)
    return value


def _match(pattern: re.Pattern[str], value: object, where: str) -> re.Match[str]:
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        _refuse(where)
    return match


def _refuse(where: str) -> NoReturn:
    raise PlanSyntaxError(where)
