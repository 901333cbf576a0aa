"""People who are in the books more than once: 15 % of them, with the errors that second enrolments have.

What makes it hard is planted too: families with one phone, one address and one surname; twins; namesakes
whose e-mail addresses differ by a number; homophones. No second enrolment has a resident id: those with one
were found at the door. Romanisation and traditional forms stand here, so that the product's are not tested
by themselves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fakes.vaults import card

_SURNAMES: Final = """
    王wang 李li 张張zhang 刘劉liu 陈陳chen 杨楊yang 赵趙zhao 黄黃huang 周zhou 吴吳wu 徐xu 孙孫sun 胡hu
    朱zhu 高gao 林lin 何he 郭guo 马馬ma 罗羅luo 梁liang 宋song 郑鄭zheng 谢謝xie 韩韓han 唐tang
    冯馮feng 于yu 董dong 萧蕭xiao 程cheng 曹cao 袁yuan 邓鄧deng 许許xu 傅fu 沈shen 曾zeng 彭peng
    吕呂lu 苏蘇su 卢盧lu 蒋蔣jiang 蔡cai 贾賈jia 丁ding 魏wei 薛xue 叶葉ye 阎閻yan 余yu 潘pan 杜du
    戴dai 夏xia 钟鍾zhong 汪wang 田tian 任ren 姜jiang 范fan
""".split()  # noqa: SIM905 - readable
_GIVEN: Final = """
    伟偉wei 芳fang 娜na 敏min 静靜jing 丽麗li 强強qiang 磊lei 军軍jun 洋yang 勇yong 艳艷yan 杰傑jie
    娟juan 涛濤tao 明ming 超chao 兰蘭lan 霞xia 平ping 刚剛gang 桂gui 英ying 华華hua 玉yu 萍ping
    红紅hong 建jian 文wen 辉輝hui 力li 鹏鵬peng 飞飛fei 波bo 斌bin 宇yu 浩hao 凯凱kai 健jian 俊jun
    帆fan 帅帥shuai 旭xu 宁寧ning 龙龍long 梅mei 琳lin 雪xue 莉li 倩qian 婷ting 慧hui 雅ya 欣xin
    颖穎ying 佳jia 琴qin 云雲yun 莹瑩ying 晓曉xiao 小xiao 春chun 秋qiu 冬dong 海hai 山shan 江jiang
    河he 林lin 森sen 志zhi 国國guo 庆慶qing 家jia 嘉jia 子zi 梓zi 涵han 轩軒xuan 怡yi 思si 诗詩shi
    雨yu 晨chen 阳陽yang 月yue 星xing 天tian 永yong 德de 福fu 贵貴gui 成cheng 新xin 东東dong 西xi
    南nan 北bei 正zheng 大da 广廣guang 安an 乐樂le 悦悅yue 清qing 白bai 青qing 紫zi 丹dan 朝chao 立li
    光guang 世shi
""".split()  # noqa: SIM905 - readable
_HOMES: Final = ("qq.com", "163.com", "126.com", "gmail.com", "sina.com", "outlook.com", "139.com")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Fields = dict[str, str]


@dataclass
class Person:
    """Somebody, as they really are; a name is characters of the tables above."""

    name: list[str]
    born: date
    mobile: str
    email: str
    address: str
    serial: int


@dataclass(frozen=True)
class Books:
    """Enrolments by subject number, from 1, and who each of them really is."""

    fields: dict[int, Fields]
    person: dict[int, int]

    def true_pairs(self) -> set[tuple[int, int]]:
        """All pairs of enrolments of one person."""
        by_person: dict[int, list[int]] = {}
        for subject, person in self.person.items():
            by_person.setdefault(person, []).append(subject)
        return {(a, b) for group in by_person.values() for a in group for b in group if a < b}


def books(people: int, *, seed: int, share: float = 0.15, birth_and_address: bool = True) -> Books:
    """Enrol people, some of them again; without birth date and address only contacts are left to go by."""
    rng = random.Random(seed)
    everyone = _everyone(people, rng)
    rows = [(n, _first(person, rng)) for n, person in enumerate(everyone)]
    for n in rng.sample(range(people), int(people * share)):
        again = 2 if rng.random() < 0.05 else 1
        rows += [(n, _again(everyone[n], rng)) for _ in range(again)]
    rng.shuffle(rows)
    hidden = () if birth_and_address else ("birth_date", "address")
    fields = {
        subject: {k: v for k, v in found.items() if k not in hidden} | {"bank_card": card(subject)}
        for subject, (_, found) in enumerate(rows, start=1)
    }
    return Books(fields, {subject: n for subject, (n, _) in enumerate(rows, start=1)})


def _everyone(count: int, rng: random.Random) -> list[Person]:
    people: list[Person] = []
    while len(people) < count:
        people += _family(len(people), rng) if rng.random() < 0.15 else [_person(len(people), rng)]
    return people[:count]


def _person(serial: int, rng: random.Random, surname: str = "", address: str = "") -> Person:
    weights = [1 / (rank + 3) for rank in range(len(_SURNAMES))]
    name = [surname or rng.choices(_SURNAMES, weights)[0]]
    name += rng.choices(
        _GIVEN, [1 / (rank + 20) for rank in range(len(_GIVEN))], k=1 if rng.random() < 0.3 else 2
    )
    born = date(1950, 1, 1) + timedelta(days=rng.randrange(56 * 365))
    mobile = _mobile(rng)
    street = f"{rng.choice('东南西北')}{rng.choice(_GIVEN)[0]}路{rng.randrange(1, 900)}号"
    home = address or f"{street}{rng.randrange(1, 30)}室"
    return Person(name, born, mobile, _email(name, mobile, born, rng), home, serial)


def _family(serial: int, rng: random.Random) -> list[Person]:
    """Two to four under one roof; most have one surname, half of the families one phone, a few are twins."""
    first = _person(serial, rng)
    family = [first]
    for place in range(1, rng.randrange(2, 5)):
        surname = first.name[0] if rng.random() < 0.6 else ""
        family.append(_person(serial + place, rng, surname, first.address))
    if rng.random() < 0.5:
        for member in family[1:]:
            member.mobile = first.mobile
    if rng.random() < 0.1:
        twin = family[-1]
        twin.born, twin.mobile = first.born, first.mobile
        twin.name = [*first.name[:-1], rng.choice([g for g in _GIVEN if g != first.name[-1]])]
    if rng.random() < 0.15:  # some share the address for their mail, too
        family[-1].email = first.email
    return family


def _first(person: Person, rng: random.Random) -> Fields:
    found = {"name": han(person.name), "mobile": person.mobile, "address": person.address}
    if rng.random() < 0.9:
        found["email"] = person.email
    if rng.random() < 0.9:
        found["cn_resident_id"] = resident_id(person)
    else:
        found["birth_date"] = person.born.isoformat()
    return found


def _again(person: Person, rng: random.Random) -> Fields:
    found = {"name": _name_again(person.name, rng)}
    mobile = rng.random()
    if mobile < 0.95:
        found["mobile"] = person.mobile if mobile < 0.75 else _mobile(rng)
    email = rng.random()
    if email < 0.7:
        found["email"] = person.email
    elif email < 0.82:
        found["email"] = typo(person.email, rng)
    elif email < 0.9:
        found["email"] = _email(person.name, person.mobile, person.born, rng)
    if rng.random() < 0.6:
        slip = 1 if rng.random() < 0.01 else 0
        found["birth_date"] = (person.born + timedelta(days=slip)).isoformat()
    address = rng.random()
    if address < 0.7:
        found["address"] = person.address if address < 0.5 else _person(0, rng).address
    return found


def _name_again(name: list[str], rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.7:
        return han(name)
    if kind < 0.78:
        return "".join(c.rstrip(_LATIN)[-1] for c in name)
    if kind < 0.93:
        return romanised(name, rng)
    if kind < 0.97:
        alike = [g for g in _GIVEN if _spelt(g) == _spelt(name[-1])]
        return han([*name[:-1], rng.choice(alike)] if alike else name)
    return typo(romanised(name, rng), rng)


_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"


def han(name: list[str]) -> str:
    """Simplified characters."""
    return "".join(c[0] for c in name)


def romanised(name: list[str], rng: random.Random) -> str:
    """In Latin letters, in one of the usual ways."""
    first, given = _spelt(name[0]).title(), [_spelt(c) for c in name[1:]]
    return rng.choice(
        [
            f"{first} {''.join(given).title()}",
            f"{''.join(given).title()} {first}",
            f"{first} {' '.join(given)}".upper(),
        ]
    )


def typo(text: str, rng: random.Random) -> str:
    """One slip of the finger: a letter or digit wrong, missing, doubled, or two swapped."""
    place = rng.choice([i for i, c in enumerate(text[:-1]) if c.isalnum() and text[i + 1].isalnum()])
    here, after = text[place], text[place + 1 :]
    pool = "0123456789" if here.isdecimal() else _LATIN
    slips = [rng.choice(pool), "", here * 2, after[0] + here]
    slip = rng.randrange(4)
    return text[:place] + slips[slip] + (after[1:] if slip == 3 else after)


def resident_id(person: Person) -> str:
    """Valid, with an unassigned county code; told apart by the serial number of the person."""
    body = f"99{person.serial // 1000:04d}{person.born:%Y%m%d}{person.serial % 1000:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def _spelt(character: str) -> str:
    return "".join(c for c in character if c in _LATIN)


def _mobile(rng: random.Random) -> str:
    return f"+861{rng.choice('35789')}{rng.randrange(10**9):09d}"


def _email(name: list[str], mobile: str, born: date, rng: random.Random) -> str:
    spelt = [_spelt(c) for c in name]
    number = rng.choice(
        [str(born.year), f"{born:%m%d}", str(rng.randrange(100)), str(rng.randrange(1000)), ""]
    )
    local = rng.choices(
        [
            "".join(spelt) + number,
            spelt[0] + "".join(c[0] for c in spelt[1:]) + number,
            mobile[3:],
            str(rng.randrange(10**8, 10**9)),
        ],
        [4, 3, 1, 2],
    )[0]
    return f"{local}@{rng.choice(_HOMES)}"
