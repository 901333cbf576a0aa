"""Sensitive categories: a statement about somebody is found, products, topics and events are left alone."""

import pytest

from privacy.pii.detect import build_detector
from privacy.pii.entities import ENTITIES
from privacy.pii.recognisers import sensitive
from privacy.pii.redact import redact

DETECTOR = build_detector()

STATED = [
    ("HEALTH", "客户母亲确诊糖尿病，申请延期", "糖尿病"),
    ("HEALTH", "其父被诊断为：抑郁症", "抑郁症"),
    ("HEALTH", "本人患有慢性肾功能衰竭", "慢性肾功能衰竭"),
    ("HEALTH", "客户长期服用阿莫西林", "阿莫西林"),
    ("HEALTH", "客户妻子在协和医院住院", "住院"),
    ("HEALTH", "患者做了心脏搭桥手术", "心脏搭桥手术"),
    ("HEALTH", "客户系HIV阳性", "HIV阳性"),
    ("HEALTH", "确诊肺癌三年", "肺癌"),
    ("HEALTH", "My mother was diagnosed with breast cancer", "breast cancer"),
    ("HEALTH", "she has type 2 diabetes", "type 2 diabetes"),
    ("HEALTH", "The customer is taking metformin", "metformin"),
    ("RELIGION", "他是虔诚的佛教徒", "佛教徒"),
    ("RELIGION", "客户信仰伊斯兰教", "伊斯兰教"),
    ("RELIGION", "He is a practising Catholic", "Catholic"),
    ("BIOMETRIC", "网点已采集客户指纹信息", "指纹信息"),
    ("BIOMETRIC", "人脸特征值：9f86d081884c7d659a2feaa0", "9f86d081884c7d659a2feaa0"),
    ("BIOMETRIC", "we still hold her voice print", "voice print"),
    ("WHEREABOUTS", "客户定位：39.90420,116.40740", "39.90420,116.40740"),
    ("WHEREABOUTS", "客户昨日乘坐G1234次列车", "G1234"),
    ("WHEREABOUTS", "行踪轨迹：3日到甲市5日到乙市", "3日到甲市5日到乙市"),
    ("MINOR", "儿子今年8岁，办理儿童账户", "8岁"),
    ("MINOR", "十一岁的女儿代为来电", "十一岁"),
    ("MINOR", "account for my 9-year-old daughter", "9-year-old"),
    ("ACCOUNT", "公积金账号：320100123457", "320100123457"),
    ("ACCOUNT", "her account number is 01234567", "01234567"),
    ("IDENTITY", "借款人有犯罪记录", "犯罪记录"),
    ("IDENTITY", "民族：维吾尔族", "维吾尔族"),
    ("IDENTITY", "军官证号12345678", "12345678"),
]
NOT_STATED = [
    "客户咨询医疗保险和重大疾病保险的等待期",
    "确诊即赔，患重疾险责任见条款",
    "住院津贴险与手术费报销流程",
    "人脸识别失败，请重试；指纹登录已开启",
    "本产品不面向3岁以下儿童保险",
    "六十八岁以上客户可走绿色通道",
    "伊斯兰金融与基督教青年会的合作",
    "穆斯林地区网点调整",
    "账户余额不足，账号已冻结",
    "账户2024年费用说明",
    "The bank account was closed and the health insurance renewed.",
    "Women's health is a topic of the annual report; cancer research was funded.",
    "She has a question about the loan for 10 years.",
    "The Christian era began; Muslim countries reported growth.",
    "a 30-year-old son, a 9-year loan",
]


@pytest.mark.parametrize(("kind", "text", "value"), STATED)
def test_a_statement_about_somebody_is_found(kind: str, text: str, value: str) -> None:
    found = [(s.type, text[s.start : s.end]) for s in DETECTOR.detect(text)]
    assert (f"SENSITIVE_{kind}", value) in found


@pytest.mark.parametrize("text", NOT_STATED)
def test_products_topics_and_events_are_left_alone(text: str) -> None:
    assert [s for s in DETECTOR.detect(text) if s.type.startswith("SENSITIVE_")] == []


def test_redaction_takes_the_fact_and_leaves_the_sentence() -> None:
    text = "客户母亲确诊糖尿病，糖尿病用药见附件"
    assert redact(text, DETECTOR.detect(text)).startswith("客户母亲确诊[SENSITIVE_HEALTH_1]，")


def test_a_card_behind_the_word_account_stays_a_card() -> None:
    assert [s.type for s in DETECTOR.detect("账号6200000000000005")] == ["CN_BANK_CARD"]


def test_every_category_needs_the_separate_consent() -> None:
    assert all(ENTITIES[kind].sensitive and "PIPL 28" in ENTITIES[kind].law for kind in sensitive.RULE.types)
