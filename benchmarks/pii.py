"""Detection: our rules against Presidio's own patterns, both without a language model, on the same notes."""

from __future__ import annotations

import random

import polars as pl
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from benchmarks.report import Row, cpu_seconds
from privacy.pii.accelerated import keep_offline
from privacy.pii.detect import build_detector
from service.usecases.detection import redacted

_TEXTS = 600
_TARGET = 20
_COLUMN = 20_000
_COLUMN_TARGET = 45_000
_ZH = (
    "客户{name}来电，手机{mobile}，咨询{month}月账单利息，已解释，客户无异议。",
    "订单号{order}退款{amount}元，预计三个工作日到账，请客户留意短信提醒。",
    "核身通过，卡号{card}，邮箱{mail}，要求补寄对账单。",
    "客户反映网点排队时间长，建议增加柜台，已记录并转交网点负责人处理。",
    "最低还款额{amount}元，到期日2005-0{month}-12，客户承诺按时还款，无需再次跟进。",
)
_EN = (
    "My name is Emma Taylor and my new phone number is {mobile}, please update it.",
    "Customer asked about the interest of {amount} charged last month; explained.",
    "Card {card} was declined twice, please send the statement to {mail}.",
    "Happy with the service, no further request, ticket {order} can be closed.",
)


def _texts(count: int = _TEXTS) -> list[str]:
    rng = random.Random(600)
    return [
        rng.choice(rng.choice((_ZH, _EN))).format(
            name=rng.choice(("王芳", "李小明", "欧阳静")),
            mobile=f"154{rng.randrange(10**8):08d}",
            month=rng.randrange(4, 10),
            order=f"2005{rng.randrange(10**10):010d}",
            amount=f"{rng.randrange(90_000):,}.{rng.randrange(100):02d}",
            card="6200000000000005",
            mail=f"user{rng.randrange(10**5)}@example.com",
        )
        for _ in range(count)
    ]


def stock_patterns() -> AnalyzerEngine:
    """Presidio's predefined recognisers, kept off the network: its e-mail rule would fetch a suffix list."""
    keep_offline()
    nlp = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "no_op"}])
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])


def run() -> list[Row]:
    texts = _texts()
    detector, stock = build_detector(), stock_patterns()
    ours = cpu_seconds(lambda: detector.detect_batch(texts), repeat=15)
    peer = cpu_seconds(lambda: [stock.analyze(text, "en") for text in texts], repeat=5)
    column = pl.Series(list(dict.fromkeys(_texts(_COLUMN))))
    whole = cpu_seconds(lambda: redacted(column, detector), repeat=5)
    rate = len(column) / whole
    return [
        Row(
            what="Detection in notes, rules only",
            ours=f"{_TEXTS / ours:,.0f} texts / CPU s",
            peer=f"stock Presidio, patterns only: {_TEXTS / peer:,.0f} texts / CPU s",
            ratio=peer / ours,
            target=f"at least {_TARGET} times faster",
            met=peer / ours >= _TARGET,
        ),
        Row(
            what="Detection and redaction of a column of notes",
            ours=f"{rate:,.0f} texts / CPU s, half of them with findings",
            peer=f"stock Presidio, patterns only, nothing replaced: {_TEXTS / peer:,.0f} texts / CPU s",
            ratio=rate * peer / _TEXTS,
            target=f"at least {_COLUMN_TARGET:,} texts / CPU s",
            met=rate >= _COLUMN_TARGET,
        ),
    ]
