"""Tables of detection: what they hold is used, and patterns are put together as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from privacy.pii import recognisers
from privacy.pii.recognisers import ENGLISH_RULES, RULES, rule
from privacy.pii.recognisers.rule import Needs, shaped
from privacy.pii.tables import spelt, table

SHAPES = table("recognisers/shapes")
SOURCES = "".join(path.read_text("utf-8") for path in Path(recognisers.__path__[0]).glob("*.*"))


def test_words_are_put_in_and_named_groups_stay() -> None:
    words = {"side": ["left|", "right"], "turn": "to (?:<side>)"}
    assert spelt(["(?P<way>", "<turn>)", "<nobody>"], words) == "(?P<way>to (?:left|right))<nobody>"


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "words"])
def test_every_table_of_shapes_is_a_rule(name: str) -> None:
    (known,) = (known for known in RULES + ENGLISH_RULES if known.name == name)
    assert known.types == tuple(dict.fromkeys(row["type"] for row in SHAPES[name]))
    assert len(known.triggers) == len(SHAPES[name])


@pytest.mark.parametrize("name", SHAPES["words"])
def test_every_list_of_words_is_used(name: str) -> None:
    assert re.search(rf"words\(.{name}.\)|<{name}>|context = .{name}.\n", SOURCES)


@pytest.mark.parametrize("change", [{"scores": "CUE"}, {"score": "SURE"}, {"context": "nothing"}])
def test_a_row_that_says_something_unknown_is_refused(
    change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rule._TABLE, "url", [SHAPES["url"][0] | change])
    with pytest.raises((TypeError, KeyError)):
        shaped("url", Needs.CUE)
