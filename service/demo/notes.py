"""Write service notes with identifiers planted at known places, beside notes that only look like it.

Templates have slots in braces. A slot of a person (``{own.mobile}``, ``{kin.name}``) becomes an identifier,
whose place is recorded (``title`` is none); a slot of ``{no.*}`` becomes a hard negative: an order number, an
amount, a date. Identifiers come in the shapes staff type them in: plain, grouped, with country code, in
full-width digits, glued to Chinese characters. Names stand after cue words, since without a language model
nothing else tells them from other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

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

_ZH_PLANTED: Final = (
    "客户姓名：{own.name}，身份证号{own.resident_id}，申请提高额度。",
    "我是{own.name}，手机号{own.mobile}换了，请更新。",
    "来电人{own.name}{own.title}核实账单，回拨电话{own.mobile}，已解释利息计算。",
    "请把电子账单发到{own.email}，谢谢",
    "信用卡{own.card_no}昨天被吞卡，客户着急。",
    "持卡人{own.name}，卡号{own.card_no}，要求补寄对账单。",
    "身份证{own.resident_id}有效期已更新，资料已归档。",
    "紧急联系人：{kin.name}，电话{kin.mobile}，与客户为夫妻关系。",
    "联系人{kin.name}{kin.title}代为还款，手机{kin.mobile}，请勿催收本人。",
    "客户在线留言：邮箱{own.email}收不到账单，改用手机{own.mobile}接收。",
    "本人{own.name}授权{kin.name}{kin.title}办理，受托人身份证号码：{kin.resident_id}。",
    "还款卡换成{own.card_no}，预留手机号为{own.mobile}。",
    "核身通过。姓名：{own.name} 手机：{own.mobile} 邮箱：{own.email}",
    "工单{no.order}：客户电话{own.mobile}，投诉金额{no.amount}元。",
)
_EN_NAMED: Final = (
    "My name is {own.name} and my new phone number is {own.mobile}.",
    "Customer name: {own.name}. Please send statements to {own.email}.",
    "{own.title} {own.name} asked about the late fee; call back on {own.mobile}.",
    "Cardholder: {own.name}, card number {own.card_no}, wants a higher limit.",
)
_EN_PLANTED: Final = (
    "Please email the statement to {own.email}, the old address bounces.",
    "Caller verified with resident ID {own.resident_id}; limit increase requested.",
    "Card {own.card_no} was declined twice, customer is abroad.",
    "Call back on {own.mobile} after 6 pm about ticket {no.order}.",
    "Payment of {no.amount} from card {own.card_no} has not arrived, contact {own.email}.",
)
_ZH_PLAIN: Final = (
    "客户询问{no.month}月账单利息，已解释。",
    "订单号{no.order}退款{no.amount}元，预计三个工作日到账。",
    "交易流水号{no.flow}，金额{no.amount}元，{no.day}入账。",
    "客户对服务满意，无其他诉求。",
    "咨询积分兑换，当前积分{no.points}分，已发送活动链接。",
    "客户反映{no.day}在商户消费{no.amount}元被重复扣款，工单号{no.order}。",
    "最低还款额{no.amount}元，到期日{no.day}，客户承诺按时还款。",
    "合同编号HT-{no.flow}，利率{no.rate}%，分12期。",
    "客户要求取消短信提醒，已处理。",
    "网点排队时间长，客户建议增加柜台。",
    "设备号{no.flow}登录异常，已提示客户修改密码。",
)
_EN_PLAIN: Final = (
    "Customer asked about the interest of {no.amount} charged on {no.day}.",
    "Order {no.order} refunded, amount {no.amount}.",
    "Transaction reference {no.flow} settled on {no.day}.",
    "Happy with the service, no further request.",
    "Balance of {no.points} points explained, nothing else to do.",
    "Rate of {no.rate} percent confirmed for 12 instalments.",
    "Asked to stop text messages; done.",
)
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
    if latin_name or rng.random() < _ENGLISH_SHARE:
        if planted:
            return _EN_NAMED + _EN_PLANTED if latin_name else _EN_PLANTED
        return _EN_PLAIN
    return _ZH_PLANTED if planted else _ZH_PLAIN


def _shape(what: str, plain: str, rng: np.random.Generator, *, chinese: bool) -> str:
    """The identifier as somebody might type it."""
    shapes: list[str] = [plain, plain]
    if what == "mobile":
        groups = (plain[:3], plain[3:7], plain[7:])
        shapes += ["-".join(groups), " ".join(groups), f"+86 {plain}"]
    elif what == "card_no":
        shapes.append(" ".join(plain[i : i + 4] for i in range(0, len(plain), 4)))
    elif what == "resident_id":
        shapes.append(plain.lower())
    elif what == "email":
        shapes.append(plain.capitalize())
    if chinese and what in {"mobile", "card_no", "resident_id"}:
        shapes.append(plain.translate(FULL_WIDTH))
    return _choose(shapes, rng)


def _choose(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _day(rng: np.random.Generator) -> str:
    return f"2005-{rng.integers(4, 10):02d}-{rng.integers(1, 29):02d}"


_NEGATIVES: Final[Mapping[str, Callable[[np.random.Generator], str]]] = {
    "order": lambda rng: _day(rng).replace("-", "") + f"{rng.integers(10**6):06d}",
    "flow": lambda rng: f"90{rng.integers(10**14):014d}",
    "amount": lambda rng: f"{rng.integers(1, 90_000):,}.{rng.integers(100):02d}",
    "points": lambda rng: f"{rng.integers(100, 90_000)}",
    "rate": lambda rng: f"{rng.integers(100, 1800) / 100:.2f}",
    "month": lambda rng: f"{rng.integers(4, 10)}",
    "day": _day,
}
