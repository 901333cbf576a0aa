"""Names of people, announced by a word beside them: 客户, 姓名, 联系人, 先生, Mr, customer, name is.

Without a language model a bare name in running text is not found; a cue, a title, or an identifier right
after it is needed. A Chinese name is a surname of the list and one or two characters; where two readings
are possible the longer one is taken, since masking a character too many is the smaller harm. A name
found once is found wherever the same text repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, starting
from privacy.pii.recognisers.surnames import COMPOUND, NOT_GIVEN, NOT_NAMES, SURNAMES

_TYPE: Final = "PERSON"
_HAN: Final = r"[\u3400-\u4dbf\u4e00-\u9fff]"

#: What may follow a two-character name, so that its first character is not taken for the name's third.
_FOLLOWS: Final = (
    r"来电|来访|来函|来信|来行|来我|来办|反映|反馈|投诉|咨询|申请|申诉|要求|希望|表示|表明|声称|称|说|询问|查询|问|提出|提供|办理|"
    r"前来|授权|委托|完成|实名|开(?=了|通|户|具|立|卡)|已|未|曾|于|在|将|因|向|从|对|给|把|被|让|请|拟|需|欲|想|又|再|也|仍|的|之|是|为(?!民|国|华|东|军|平|强|明)|"
    r"(?:和|与|及|跟|同|或|、)(?="
    + _HAN
    + r")|先生|女士|小姐|太太|同志|老师|经理|本人|夫妇|等|手机|电话|身份|证件|"
    r"银行|卡号|账[号户]|邮箱|邮件|微信|联系|地址|住址|住|现|系|任|名下|持|购|还款|逾期|借款|贷款|担保|签|通过|收|发|"
    r"丈夫|妻子|配偶|父|母|儿子|女儿|户|开户|转账|汇款|确认|同意|拒绝|取消|修改|变更|更换|"
    r"更改|要|您|你|我|他|她|男|女(?=[,;，。 ]|$)"
)
_NOT: Final = "(?!" + "|".join(sorted(set(NOT_NAMES))) + ")"
_FIRST: Final = rf"(?![{NOT_GIVEN}]){_HAN}"
_GIVEN: Final = rf"(?!{_FOLLOWS}){_FIRST}"
_ZH: Final = (
    rf"(?:(?:{'|'.join(COMPOUND)}){_FIRST}(?:{_GIVEN})?"
    rf"|{_NOT}[{SURNAMES}]{_FIRST}(?:{_GIVEN})?)"
)
#: Parts of sounds joined by a dot; some characters of sounds are in no Chinese given name.
_SOUND: Final = rf"(?:[买提热不次]|(?!人){_FIRST})"
_ETHNIC: Final = rf"{_SOUND}{{2,6}}(?:[·•](?!{_FOLLOWS}){_SOUND}(?:(?!{_FOLLOWS}){_SOUND}){{0,6}}){{1,3}}"

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿĀ-ž'’\-\u0300-\u036f]{1,24}"
_NO_WORD: Final = (
    r"(?!(?i:service|support|care|account|number|no|id|card|loan|mobile|phone|email|e-mail|called|call|request|sir|madam|"
    r"team|customer|client|name|address|the|this|that|he|she|they|we|it|is|was|has|had|and|or|of|for|from|not|in|"
    r"on|at|to|by|with|please|thank|thanks|dear|bank|credit|debit|payment|application|complaint|passport|"
    r"person|relations?|details?|information|data|contact|tel|monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday|january|february|march|april|may|june|july|august|september|october|november|december|mr|mrs|ms|miss|"
    r"dr|holder|all|any|no|yes|new|your|our|my|wechat|qq|asked|said|wants|reported|update|date|dob|"
    r"http|https|ref|type|status|segment|value|risk|limit|balance|amount|null|none|true|false)(?![A-Za-z]))"
)
_EN: Final = (
    rf"{_NO_WORD}{_WORD}"
    rf"(?:[ ]{{1,2}}(?:(?:van|von|de|der|den|da|di|del|bin|binti|al|la|"
    rf"le)[ ]){{0,2}}(?:[A-Z]\.[ ]?)?{_NO_WORD}{_WORD}){{0,3}}"
)
_NAME: Final = rf"(?P<name>{_ETHNIC}|{_ZH}|{_EN})"

_JOINT: Final = r"(?:[\s:;=,\"'“”‘’<(（【「《|_\-*#/.]|是|为|叫|姓名|名字|名称|名){0,6}"
_ZH_CUES: Final = (
    "姓名|名字|户名|客户|顾客|用户|联系人|借款人|贷款人|出借人|担保人|保证人|持卡人|持有人|开户人|收件人|寄件人|收款人|"
    "付款人|汇款人|申请人|投保人|被保人|被保险人|保险人|受益人|法定代表人|法人代表|法人|代表人|负责人|经办人|代理人|委托人|"
    "监护人|登记人|当事人|办理人|权利人|产权人|所有人|继承人|投诉人|来电人|反馈人|咨询人|还款人|欠款人|推荐人|介绍人|"
    "签收人|签署人|提现人|查询人|使用人|承租人|出租人|抵押人|债务人|债权人|申诉人|共借人|车主|机主|户主|配偶|丈夫|妻子|"
    "老公|老婆|经理|专员|催收员|业务员|信贷员|柜员|甲方|乙方|尊敬的|亲爱的|我叫|回访|致电|拨打|联系|联络|经核实|核实|"
    "签名|签字|抄送|转给|受托人|经营者|复核人|经手人|收货人|取件人|签约人|联络人|共有人|出卖人|买受人|转出人|转入人|租户|"
    "出票人|持票人|客户名|账户名|真实姓名|曾用名|主贷人|主借人|户主|投递员|外访员|协办人|审批人|承办人"
)
#: Words that as often introduce something else: only a name that ends where a word can end counts.
_SOFT_CUES: Final = (
    "学生|旅客|乘客|司机|原告|被告|署名|老师|律师|医生|主管|同事|朋友|患者|病人|本人|我是|业主|委托|授权|通知|"
    "提醒|告知|确认|先生|女士|名叫|叫做|叫|妈妈|爸爸|母亲|父亲|哥哥|姐姐|弟弟|妹妹|儿子|女儿|家属|亲属|坐席|客服|"
    "会员|房东|租客|员工|雇员|转告|称呼|元至|转至|汇至|汇给|打给|付给|转账给"
)
_EN_CUES: Final = (
    r"mr\.?(?![a-z])|mrs\.?(?![a-z])|ms\.?(?![a-z])|mx\.?(?![a-z])|dr\.?(?![a-z])|prof\.?(?![a-z])|miss|mister|"
    r"my name|name|user[ _]?name|full[ _]?name|first[ _]?name|last[ _]?name|family[ _]?name|"
    r"given[ _]?name|surname|"
    r"customer(?:[ _]name)?|client(?:[ _]name)?|account[ _](?:holder|name)(?: name)?|"
    r"card ?holder(?: name)?|policy ?holder|"
    r"holder|nickname|named|i am|i'm|i’m|this is|borrower|co-?borrower|debtor|applicant|"
    r"guarantor|beneficiary|payee|"
    r"payer|insured|contact(?: person| name)?|caller|recipient|spouse|wife|husband|mother|"
    r"father|son|daughter|brother|"
    r"sister|patient|tenant|landlord|owner|employee|manager|agent|advis[eo]r|user|member|spoke (?:to|with)|"
    r"call(?:ed)?(?: back)?|met(?: with)?|dear|hi|hello|attn|regards|sincerely|signed(?: by)?|"
    r"from|on behalf of|"
    r"care of|c/o|with|for"
)


def _by_letter(cues: str) -> str:
    """The alternatives by first letter, in either case: most words then fail at once."""
    groups: dict[str, list[str]] = {}
    for cue in re.split(r"\|(?![^(]*\))", cues):
        groups.setdefault(cue[0], []).append(cue[1:])
    return "|".join(f"[{c.upper()}{c}](?i:{'|'.join(rest)})" for c, rest in groups.items())


_BEFORE: Final = starting(
    "".join(sorted({c[0] for c in _ZH_CUES.split("|")})), rf"(?:{_ZH_CUES}){_JOINT}{_NAME}"
)
_AFTER_SOFT: Final = starting(
    "".join(sorted({c[0] for c in _SOFT_CUES.split("|")})),
    rf"(?:{_SOFT_CUES})[:= “\"是为]{{0,2}}(?![于向曾经任时应])(?P<name>{_ETHNIC}|{_ZH}|{_EN})"
    rf"(?:(?!{_HAN})|(?={_FOLLOWS}))",
)
_BEFORE_EN: Final = starting(
    "A-Za-z", rf"(?<![A-Za-z])(?:{_by_letter(_EN_CUES)})(?![A-Za-z])(?: (?i:is)(?![A-Za-z]))?{_JOINT}{_NAME}"
)
_LATIN: Final = re.compile(r"[A-Za-z][A-Za-z]")
_TITLE: Final = re.compile(r"老?先生|女士|小姐|老?太太|阿姨")
#: Behind a surname alone these say little: 有关同志.
_ACT: Final = re.compile(r"同志|来电|致电|本人")
#: Also trades, ranks and acts: 财务经理 and 应邀来访 hold no name, so the name must stand apart or after
#: a word such as 联系.
_RANK: Final = re.compile(r"老师|医生|律师|经理|主任|师傅|来访|来函|来信")
_NAMED: Final = (
    rf"(?P<name>{_ETHNIC}|(?:{'|'.join(COMPOUND)})(?:{_FIRST}){{1,2}}|"
    rf"{_NOT}[{SURNAMES}](?:{_FIRST}){{1,2}}|{_EN}) ?$"
)
_ENDING: Final = re.compile(_NAMED)
_APART: Final = re.compile(rf"(?:(?<!{_HAN})|(?<=联系)|(?<=[请找由给的]))" + _NAMED)
_SURNAME: Final = re.compile(rf"(?P<name>{'|'.join(COMPOUND)}|[{SURNAMES}])$")
_LONGEST: Final = 40  # characters of the longest name looked for on the left
#: A name that stands alone and is followed by an identifier or its label.
_LABELS: Final = r"手机|电话|联系(?:方式|电话|手机)|预留|身份证|证件|微信|邮箱|住址|银行卡|卡号"
_NUMBER: Final = (
    r"\(?\+?86\)?[ \-]?1[3-9][0-9]{9}|1[3-9][0-9][ .\-]?[0-9]{4}[ .\-]?[0-9]{4}|"
    r"[1-9][0-9]{5}[ \-]?[0-9]{8}[ \-]?[0-9]{3}[0-9Xx]"
)
_LABEL: Final = re.compile(rf"{_LABELS}|[(+1-9](?<=(?={_NUMBER}).)")
_WHOLE: Final = re.compile(_ZH)
_DOTTED: Final = re.compile(rf"{_ETHNIC}$")
_BETWEEN: Final = " 的,:;(|/\t"
_SURNAME_SET: Final = frozenset(SURNAMES) | {c[0] for c in COMPOUND}
#: A field of its own in a delimited line whose header or key says 姓名.
_FIELD: Final = re.compile(rf"[|\t][ ]?(?P<name>{_ZH})(?=[ ]?(?:[|\t]|$))")
_HEADER: Final = re.compile(r"姓名|户名|(?i:name)")
#: A filled-in form says that this is a name, whatever word it looks like.
_FILLED: Final = starting(
    "姓户名", rf"(?:姓名|户名|名字)[:='\"“ ]{{1,4}}(?P<name>[{SURNAMES}]{_HAN}{{1,2}})(?!{_HAN})"
)
#: Whatever the label is: a word for a person, a colon, and a name that fills the field.
_LABELLED: Final = starting(
    "人者员方主", rf"[人者员方主](?:姓名|名称)?[:=][ ]?(?P<name>{_ETHNIC}|{_ZH})(?!{_HAN})"
)
#: A second name that stands with the first: 张三与李四于.
_PAIRED: Final = re.compile(rf"[与和及跟、](?P<name>{_ETHNIC}|{_ZH})(?:(?!{_HAN})|(?={_FOLLOWS}))")
_REPEATABLE: Final = 2
_FEW: Final = 8


def is_chinese_name(value: str) -> bool:
    """Whether a whole value reads as a Chinese name: surname of the list and one or two characters."""
    return _WHOLE.fullmatch(value) is not None


def _left_of(at: re.Pattern[str], *names: re.Pattern[str], text: str, reach: int) -> Iterator[re.Match[str]]:
    """Names that end where ``at`` matches; the first of the patterns that fits."""
    for word in at.finditer(text):
        for name in names:
            found = name.search(text, max(0, word.start() - reach), word.start())
            if found:
                yield found
                break


def _beside(text: str) -> Iterator[tuple[int, int]]:
    """Chinese names that stand alone, with an identifier or its label next on the right."""
    for label in _LABEL.finditer(text):
        end = label.start()
        while end > max(0, label.start() - 3) and text[end - 1] in _BETWEEN:
            end -= 1
        for start in range(max(0, end - 4), end - 1):
            alone = start == 0 or not (text[start - 1].isalpha() or text[start - 1] == "_")
            if alone and text[start] in _SURNAME_SET and _WHOLE.fullmatch(text, start, end):
                yield start, end
                break
        else:
            dotted = _DOTTED.search(text, max(0, end - _LONGEST), end)
            if dotted:
                yield dotted.span()


def _announced(text: str) -> Iterator[re.Match[str]]:
    if not text.isascii():
        yield from _BEFORE.finditer(text)
        yield from _AFTER_SOFT.finditer(text)
        yield from _FILLED.finditer(text)
        yield from _LABELLED.finditer(text)
        yield from _left_of(_TITLE, _ENDING, _SURNAME, text=text, reach=_LONGEST)
        yield from _left_of(_ACT, _ENDING, text=text, reach=_LONGEST)
        yield from _left_of(_RANK, _APART, text=text, reach=_LONGEST)
        if ("|" in text or "\t" in text) and _HEADER.search(text):
            yield from _FIELD.finditer(text)
    if _LATIN.search(text):
        yield from _BEFORE_EN.finditer(text)


def _repeats(text: str, names: set[str]) -> Iterator[tuple[int, int]]:
    """Every place of names of two characters and more."""
    again = {n for n in names if len(n) >= _REPEATABLE}
    if len(again) <= _FEW:
        for name in again:
            yield from _places(name, text)
        return
    opening = {n[:_REPEATABLE] for n in again}  # one pass for all names keeps a long text linear
    lengths = sorted({len(n) for n in again}, reverse=True)
    for at in range(len(text) - 1):
        if text[at : at + _REPEATABLE] in opening:
            yield from ((at, at + n) for n in lengths if text[at : at + n] in again)


def _places(name: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(name)
    while at >= 0:
        yield at, at + len(name)
        at = text.find(name, at + len(name))


def _find(text: str) -> Iterator[Span]:
    found = {match.span("name") for match in _announced(text)}
    if not text.isascii():
        found.update(_beside(text))
        pairs = [_PAIRED.match(text, end) for _, end in found]
        found.update(pair.span("name") for pair in pairs if pair)
    for start, end in found:
        yield Span(start, end, _TYPE, CUE, "person:cue")
    for start, end in _repeats(text, {text[start:end] for start, end in found}):
        if (start, end) not in found:
            yield Span(start, end, _TYPE, CUE, "person:repeat")


_FAMILY: Final = "".join(sorted(_SURNAME_SET))
_TITLES: Final = "|".join(word.pattern for word in (_TITLE, _ACT, _RANK))
#: Coarser than the patterns on purpose: with every Han character a start, Rust would be slow, too.
_TRIGGERS: Final[tuple[re.Pattern[str] | str, ...]] = (
    "[·•]",  # without which there is no ethnic name
    rf"(?:{_ZH_CUES}|{_SOFT_CUES}|姓名|户名|名字){_JOINT}[{_FAMILY}A-Z]",
    rf"[|\t] ?[{_FAMILY}]",
    _BEFORE_EN,
    rf"(?:[{_FAMILY}]{_HAN}{{0,3}}|[A-Za-z'’\-]) ?(?:{_TITLES})",
    rf"[{_FAMILY}]{_HAN}{{1,3}}[{_BETWEEN}]{{0,3}}(?:{_LABELS}|{_NUMBER})",
)
RULE: Final = Rule("person", (_TYPE,), Needs.CUE, _find, _TRIGGERS)
