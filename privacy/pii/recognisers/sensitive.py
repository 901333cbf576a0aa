"""Sensitive personal information that no identifier shows (PIPL 28): health, religion, biometrics, whereabouts,
children under fourteen, financial accounts, specific identity.

One table: words that open a statement, what must follow, and whether somebody must be spoken of on the left.
What a word alone says is not enough: 医疗保险 and "bank account" are products, 人脸识别失败 is an event of a
system, "women's health" is a topic. A disease counts where it is diagnosed or had, a medicine where it is taken, a
religion where somebody is said to hold it, an account where its number follows.

Redaction treats these spans like all others: the fact goes (确诊[SENSITIVE_HEALTH_1]), the sentence that shows
that there was one stays, so a note can still be worked on, and a purpose that has the separate consent of PIPL 29
finds the fact in the case file, not in the store of notes. The score is that of a cue word: an identifier inside
the statement wins its characters. Symptoms (pain, 头痛) are left out, since complaints of service are full of
them in jest.

>>> text = "客户称母亲确诊糖尿病"
>>> [(text[s.start : s.end], s.type) for s in RULE.find(text)]
[('糖尿病', 'SENSITIVE_HEALTH')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, last, starting

HEALTH: Final = "SENSITIVE_HEALTH"
RELIGION: Final = "SENSITIVE_RELIGION"
BIOMETRIC: Final = "SENSITIVE_BIOMETRIC"
WHEREABOUTS: Final = "SENSITIVE_WHEREABOUTS"
MINOR: Final = "SENSITIVE_MINOR"
ACCOUNT: Final = "SENSITIVE_ACCOUNT"
IDENTITY: Final = "SENSITIVE_IDENTITY"

_W: Final = r"(?:(?![的了是在和与及或不我你他她您客等就可])[\u4e00-\u9fff])"
_PRODUCT: Final = r"(?!险|保险|保障|津贴|条款|赔|责任|疫苗|专项|基金|费|室|协会|日|物)"
_ILLNESS: Final = (
    rf"{_W}{{0,8}}?(?:糖尿病|高血压|高血脂|痛风|中风|卒中|心梗|脑梗|梗死|梗塞|衰竭|硬化|结石|结核|骨折|哮喘|癫痫|贫血|肝炎|"
    rf"综合征|抑郁症?|焦虑症?|障碍|阳性|结节|囊肿|溃疡|{_W}[病症癌瘤炎]){_PRODUCT}"
)
_MEDICINE: Final = (
    rf"{_W}{{0,8}}?(?:胶囊|颗粒|冲剂|注射液|胰岛素|西林|沙星|霉素|他汀|地平|洛尔|沙坦|普利|双胍|替尼|单抗|唑仑|西泮|西汀|"
    rf"曲林|拉唑|匹林|布洛芬|激素|{_W}(?:药|(?<![照卡名图影唱])片)){_PRODUCT}"
)
_BODY: Final = r"(?:人脸|面部|面容|指纹|掌纹|掌静脉|虹膜|声纹|(?i:dna)|基因)"
_FAITH: Final = r"佛教|基督教?|天主教?|伊斯兰教?|道教|东正教|犹太教|印度教|喇嘛教"
_BELIEVER: Final = (
    r"基督徒|穆斯林|(?:佛|基督|天主|伊斯兰|道|新|东正|犹太|印度)教(?:信)?徒|(?:muslim|christian|catholic|jew|"
    r"buddhist|hindu|sikh|mormon|protestant)(?![a-z])"
)
_DISEASE: Final = (
    r"(?:[a-z0-9\-]{1,15} ){0,2}?(?:diabetes|cancer|leuka?emia|hiv|aids|asthma|hypertension|epilepsy|depression|"
    r"dementia|alzheimer's|parkinson's|schizophrenia|bipolar disorder|tuberculosis|stroke|heart (?:disease|failure|"
    r"attack)|multiple sclerosis|anxiety disorder|autism|covid(?:-19)?|[a-z]{3,}(?:itis|oma|emia))(?![a-z])"
)
_DRUG: Final = (
    r"(?:insulin|metformin|warfarin|lithium|methadone|[a-z]{3,}(?:cillin|statin|prazole|olol|sartan|mycin|azepam|"
    r"oxetine|traline|gliptin))(?![a-z])"
)
_DEGREES: Final = (
    r"\(?[东西南北]?[经纬]?-?[0-9]{1,3}\.[0-9]{3,8}°?[NSEWnsew]?(?:[, ]{1,2}[东西南北]?[经纬]?-?[0-9]{1,3}\.[0-9]{3,8}°?"
    r"[NSEWnsew]?)?\)?"
)


class Statement(NamedTuple):
    """One way to say it.

    Attributes:
        type: entity type.
        opens: words that open it, alternatives; lower case.
        tells: what follows; its one group is the span. Without a group all of it is the span.
        of_someone: somebody must be spoken of on the left.
    """

    type: str
    opens: str
    tells: str = ""
    of_someone: bool = True


_CHINESE: Final = (
    Statement(
        HEALTH,
        "确诊|诊断|罹患|身患|患有|患上|患了|患过|得了|查出|检出|感染了|感染过",
        rf"(?:患有?|出|来?是|为|了|结果|[:,]){{0,3}}({_ILLNESS})",
    ),
    Statement(HEALTH, "服用|口服|注射|在吃|吃的|开了|开的", rf"[:是过着了]{{0,2}}({_MEDICINE})"),
    Statement(
        HEALTH, "做了|做过|接受|进行", rf"了?({_W}{{0,6}}?(?:(?:搭桥|移植|切除|支架植入)(?:手术|术)?|手术|化疗|放疗|透析)){_PRODUCT}"
    ),
    Statement(
        HEALTH,
        "医院|卫生院|诊所|急诊|门诊",
        rf"({_W}{{0,2}}(?:住院|就诊|就医|手术|治疗|抢救|复查|化疗|透析|产检|分娩)){_PRODUCT}",
    ),
    Statement(HEALTH, "住院治疗|住院手术|因病住院|怀孕|流产|病危|瘫痪|失明|失聪", rf"(?!期){_PRODUCT}"),
    Statement(
        HEALTH, "hiv|乙肝|艾滋|梅毒", r"(?:病毒)?(?:阳性|携带者?|感染者?)", of_someone=False
    ),
    Statement(RELIGION, "信奉|信仰|皈依|改信", rf"[:是为的了]{{0,2}}({_FAITH})"),
    Statement(RELIGION, "是|为|系|虔诚的|身为|作为", rf"(?:一?[名位个]|虔诚的)?({_BELIEVER})"),
    Statement(RELIGION, "做礼拜|受洗入教|受洗|做弥撒"),
    Statement(
        BIOMETRIC,
        "采集|录入|提取|留存|收集|存储|保存|登记",
        rf"(?:了|其|客户|用户|本人|的|他|她|您|我){{0,3}}({_BODY}(?:特征|模板|信息|数据|样本|图像|照片){{0,2}})",
    ),
    Statement(
        BIOMETRIC,
        "人脸|面部|指纹|掌纹|虹膜|声纹",
        r"(?:特征|模板)[值码]?[:=为是 ]{1,3}([0-9A-Za-z+/=]{16,})",
        of_someone=False,
    ),
    Statement(
        WHEREABOUTS,
        "经纬度|经度|纬度|坐标|定位|gps|位置",
        rf"(?:信息|地址)?[:=为是在于 ]{{0,3}}({_DEGREES})",
        of_someone=False,
    ),
    Statement(
        WHEREABOUTS, "乘坐|搭乘|航班号?|车次", r"[:是为 ]{0,2}((?:[A-Z]{2}[0-9]{3,4}|[GDCKTZ][0-9]{1,4})(?![0-9A-Za-z]))"
    ),
    Statement(WHEREABOUTS, "入住|下榻", rf"了?({_W}{{2,12}}?(?:酒店|宾馆|旅馆|民宿|客栈)(?:[0-9]{{1,4}}[房室号]?)?)"),
    Statement(
        WHEREABOUTS,
        "行踪轨迹|行动轨迹|行程轨迹|活动轨迹|出行轨迹",
        r"(?:显示|[:为是]){1,2}([^,;。!?\n]{4,40})",
        of_someone=False,
    ),
    Statement(
        ACCOUNT,
        "账号|帐号|账户|帐户|户头|支付宝",
        r"(?:号码?|账号)?[:=为是 ]{0,3}((?:[A-Z]{1,2})?[0-9](?:[ \-]?[0-9]){5,27}(?![0-9A-Za-z.,]))",
        of_someone=False,
    ),
    Statement(IDENTITY, "军官证|士兵证|警官证|军人证|残疾证|军字第|武字第", r"(?:号码?|字第|军字第|[:为是]){0,3}([0-9]{8,20})(?![0-9])", of_someone=False),
    Statement(IDENTITY, "政治面貌", r"[:为是]{0,2}(中共(?:预备)?党员|党员|共青团员|团员|群众|民主党派)", of_someone=False),
    Statement(IDENTITY, "民族|族别", r"[:为是]{1,2}([\u4e00-\u9fff]{1,4}族)", of_someone=False),
    Statement(IDENTITY, "前科|犯罪记录|案底|刑满释放|正在服刑|被判刑|被刑事拘留|被行政拘留|吸毒史|同性恋|双性恋|跨性别|出柜"),
)  # fmt: skip
_ENGLISH: Final = (
    Statement(
        HEALTH,
        "diagnosed with|suffers from|suffering from|suffered from|treated for|tested positive for|history of|has|have|had|having",
        rf" (?:an? )?({_DISEASE})",
    ),
    Statement(HEALTH, "taking|takes|prescribed|injecting|injects", rf" (?:[a-z0-9]{{1,8}} ){{0,2}}({_DRUG})"),
    Statement(HEALTH, "hospitali[sz]ed|chemotherapy|dialysis|miscarriage|pregnant", r"(?![a-z])"),
    Statement(RELIGION, "is|am|was|i'm|being|became", rf" an? (?:devout |practi[sc]ing )?({_BELIEVER})"),
    Statement(RELIGION, "converted to|religion:|religion is|faith is", r" (islam|christianity|judaism|buddhism|hinduism|catholicism|muslim|christian|jewish|hindu|buddhist)"),
    Statement(BIOMETRIC, "my|his|her|their|customer's|client's", r" (fingerprints?|face ?(?:scan|id|print|template)|iris scan|retina scan|voice ?print|dna (?:sample|profile|test))", of_someone=False),
    Statement(WHEREABOUTS, "gps|coordinates|latitude|location", rf"(?: is| are)?[:= ]{{1,2}}({_DEGREES})", of_someone=False),
    Statement(WHEREABOUTS, "flight", r" (?:no\. ?|number )?([A-Za-z]{2} ?[0-9]{2,4})(?![0-9A-Za-z])"),
    Statement(ACCOUNT, "account number|account no\\.?|account #|acct\\.? no\\.?|routing number|sort code", r"(?: is|[:#])? ?([0-9](?:[ \-]?[0-9]){5,16})(?![0-9A-Za-z])", of_someone=False),
    Statement(IDENTITY, "criminal record|convicted of|on parole|is gay|is lesbian|is bisexual|is transgender|am gay|am transgender", r"(?![a-z])"),
)  # fmt: skip
_SOMEONE: Final = re.compile(
    r"[我他她您]|客户|用户|本人|其(?!他|中|它)|患者|病人|借款人|持卡人|申请人|投保人|被保险人|联系人|先生|女士|小姐|父亲?|母亲?|妻子|丈夫|配偶|"
    r"儿子|女儿|孩子|家属|员工|此人|当事人|姓名|老[公婆人]|爸|妈|(?<![a-z])(?:i|i'm|my|me|he|she|his|her|customer|client|"
    r"patient|borrower|applicant|cardholder|mr|mrs|ms|wife|husband|mother|father|son|daughter|name)(?![a-z])"
)
_FAR: Final = 40  # characters
_CHILD: Final = re.compile(
    r"儿子|女儿|孩子|小孩|孙子|孙女|外孙|宝宝|男孩|女孩|男童|女童|婴儿|幼儿|患儿|儿童|子女|小学|幼儿园|未成年|弟弟|妹妹|"
    r"(?<![a-z])(?:son|daughter|child|children|kid|baby|boy|girl|toddler|pupil|grandson|granddaughter)(?![a-z])"
)
#: Younger than fourteen, but no age band.
_YOUNG: Final = re.compile(
    r"(?<![0-9.\-至到第满一二两三四五六七八九十])(?:[0-9]|1[0-3]|[一二两三四五六七八九十]|十[一二三])(?:周?岁半?|个月大)(?!以|及|至|到|起|-|段|组|看)"
    r"|(?<![0-9.\-])(?:[0-9]|1[0-3])[ \-]years?[ \-]olds?|(?<![A-Za-z])aged? (?:[0-9]|1[0-3])(?![0-9])"
)
_BESIDE: Final = 12


def _compiled(statements: tuple[Statement, ...], left: str) -> re.Pattern[str]:
    """All in one pattern for ``starting``: group n + 2 is the span of statement n."""
    bodies = (
        f"(?:{s.opens}){s.tells}" if _GROUP.search(s.tells) else f"((?:{s.opens}){s.tells})"
        for s in statements
    )
    first = {opening[0] for s in statements for opening in s.opens.split("|")}
    return starting("".join(sorted(first | {c.upper() for c in first})), f"{left}(?i:{'|'.join(bodies)})")


_GROUP: Final = re.compile(r"(?<!\\)\((?!\?)")
_ZH: Final = _compiled(_CHINESE, "")
_EN: Final = _compiled(_ENGLISH, "(?<![A-Za-z])")


def _stated(text: str, pattern: re.Pattern[str], statements: tuple[Statement, ...]) -> Iterator[Span]:
    for match in pattern.finditer(text):
        statement, place = next((s, p) for s, p in zip(statements, match.regs[2:], strict=True) if p[0] >= 0)
        # A note drops its subject at the very beginning: it is the customer.
        is_of_someone = match.start() == 0 or last(_SOMEONE, text, place[0], _FAR) >= 0
        if is_of_someone or not statement.of_someone:
            yield Span(*place, statement.type, CUE, statement.type.lower().replace("_", ":"))


def _young(text: str) -> Iterator[Span]:
    for age in _YOUNG.finditer(text):
        around = text[max(0, age.start() - _BESIDE) : age.end() + _BESIDE].lower()
        if _CHILD.search(around):
            yield Span(*age.span(), MINOR, CUE, "sensitive:minor")


def _find(text: str) -> Iterator[Span]:
    if not text.isascii():
        yield from _stated(text, _ZH, _CHINESE)
    yield from _stated(text, _EN, _ENGLISH)
    if "岁" in text or "个月大" in text or " age" in text or "year" in text:
        yield from _young(text)


RULE: Final = Rule(
    "sensitive",
    (HEALTH, RELIGION, BIOMETRIC, WHEREABOUTS, MINOR, ACCOUNT, IDENTITY),
    Needs.CUE,
    _find,
    (_ZH, _EN, _YOUNG),
)
