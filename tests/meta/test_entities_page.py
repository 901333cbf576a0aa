"""The page of entity types says what the code says: every type, its rules, class, sensitivity and law."""

from pathlib import Path

from privacy.pii.entities import ENTITIES
from privacy.pii.recognisers import ENGLISH_RULES, RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "entities.md"


def _rows() -> dict[str, list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def _expected(kind: str) -> list[str]:
    entity = ENTITIES[kind]
    rules = [f"`{rule.name}`" for rule in RULES if kind in rule.types]
    rules += [f"`{rule.name}` (accurate)" for rule in ENGLISH_RULES if kind in rule.types]
    return [", ".join(rules), entity.data_class, "yes" if entity.sensitive else "no", entity.law]


def test_the_table_equals_the_code() -> None:
    rows = _rows()
    assert list(rows) == list(ENTITIES)
    assert {kind: [row[0], *row[2:]] for kind, row in rows.items()} == {k: _expected(k) for k in ENTITIES}


def test_every_type_names_its_languages() -> None:
    assert {row[1] for row in _rows().values()} <= {"zh", "en", "zh, en"}


def test_every_type_that_a_rule_reports_is_classified() -> None:
    assert {kind for rule in RULES + ENGLISH_RULES for kind in rule.types} <= set(ENTITIES)
