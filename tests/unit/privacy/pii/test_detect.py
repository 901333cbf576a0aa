"""The detector: lazy, offline, extensible, closed on failure."""

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from presidio_analyzer import Pattern, PatternRecognizer

from privacy.pii.detect import LANGUAGES, build_detector, presidio_engine
from privacy.pii.presidio_pack import RuleRecognizer
from privacy.pii.recognisers import ENGLISH_RULES, RULES

TEXT = "客户王小明，身份证１１９９００１９９００３０７８５３７，手机139-1234-5678，邮箱wang@example.com"


def _run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_detecting_imports_neither_presidio_nor_spacy() -> None:
    _run(
        "import sys; from privacy.pii.detect import build_detector;"
        "import privacy.pii.columns, privacy.pii.redact;"
        f"assert build_detector().detect({TEXT!r});"
        "assert not {'presidio_analyzer', 'spacy', 'tldextract'} & set(sys.modules)"
    )


def test_neither_detector_nor_engine_tries_the_network() -> None:
    _run(
        "import socket\n"
        "tried = []\n"
        "def refuse(*a, **k):\n"
        "    tried.append(a)\n"
        "    raise OSError\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "from privacy.pii.detect import build_detector, presidio_engine\n"
        f"assert build_detector().detect({TEXT!r})\n"
        f"assert presidio_engine().analyze({TEXT!r}, 'zh')\n"
        "assert tried == []\n"
    )


def test_a_batch_answers_each_text_in_order() -> None:
    detector = build_detector()
    texts = [TEXT, "客户满意", TEXT, ""]
    assert detector.detect_batch(texts) == [detector.detect(t) for t in texts]
    assert detector.detect_batch([]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stock_engine_finds_the_same_with_the_same_offsets(language: str) -> None:
    ours = {(s.type, s.start, s.end, s.score) for s in build_detector().detect(TEXT)}
    theirs = {(r.entity_type, r.start, r.end, r.score) for r in presidio_engine().analyze(TEXT, language)}
    assert ours == theirs
    assert len(ours) == 4


def test_every_rule_has_its_recogniser() -> None:
    for language, rules in (("zh", RULES), ("en", RULES + ENGLISH_RULES)):
        recognisers: list[Any] = presidio_engine().registry.get_recognizers(
            language=language, all_fields=True
        )
        assert sorted(r.name for r in recognisers) == sorted({RuleRecognizer(rule).name for rule in rules})
        assert len(recognisers) == len(rules)


def test_english_rules_work_inside_a_stock_engine() -> None:
    text = (
        "Born 1 May 1980, SSN 219-09-9999, card number 4111 1111 1111 1111, "
        "IBAN GB82 WEST 1234 5698 7654 32, "
        "call +44 20 7946 0958, see https://example.org/me, moved to Canada."
    )
    engine = presidio_engine()
    found = {(r.entity_type, text[r.start : r.end]) for r in engine.analyze(text, "en")}
    assert found >= {
        ("DATE_TIME", "1 May 1980"),
        ("US_SSN", "219-09-9999"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32"),
        ("PHONE_NUMBER", "+44 20 7946 0958"),
        ("URL", "https://example.org/me"),
        ("LOCATION", "Canada"),
    }
    in_chinese = {r.entity_type for r in engine.analyze(text, "zh")}
    assert {"US_SSN", "IBAN_CODE"} <= in_chinese  # identifiers are found whatever the language of the note
    assert not {"URL", "CREDIT_CARD"} & in_chinese


def test_chinese_recognisers_carry_their_country() -> None:
    recognisers = [RuleRecognizer(rule) for rule in RULES + ENGLISH_RULES]
    assert {r.country_code() for r in recognisers if r.name.startswith("Cn")} == {"cn"}
    assert {r.country_code() for r in recognisers if not r.name.startswith("Cn")} == {None}


def test_an_engine_restricted_to_some_types_reports_only_those() -> None:
    found = presidio_engine().analyze(TEXT, "zh", entities=["EMAIL_ADDRESS"])
    assert [r.entity_type for r in found] == ["EMAIL_ADDRESS"]


def test_an_operators_presidio_recogniser_joins_in() -> None:
    staff = PatternRecognizer(
        "STAFF_NO", patterns=[Pattern("staff", r"STF[0-9]{5}", 0.9)], supported_language="zh"
    )
    found = build_detector(plugins=[staff]).detect("工号STF12345，" + TEXT)
    assert ("STAFF_NO", 2, 10) in {(s.type, s.start, s.end) for s in found}


@dataclass
class BrokenPlugin:
    """A recogniser that always fails."""

    supported_entities: list[str] = field(default_factory=lambda: ["X"])

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:  # noqa: ARG002
        """Presidio's method."""
        raise RuntimeError("model is gone")


def test_a_plugin_that_fails_fails_the_batch() -> None:
    with pytest.raises(RuntimeError):
        build_detector(plugins=[BrokenPlugin()]).detect_batch(["客户满意"])
