"""Names out of a tagger's words: cut ones mended, swallowed titles cut off, missed ones found by place."""

import pytest

from privacy.pii.detect import build_detector
from privacy.pii.names_zh import Word, people
from privacy.pii.recognisers.person import is_chinese_name

ACCURATE = build_detector(profile="accurate")


def _words(tagged: str) -> tuple[str, list[Word]]:
    """``局长/n 何/PER`` as a text and its words."""
    text, words = "", []
    for token in tagged.split():
        value, _, tag = token.rpartition("/")
        words.append(Word(len(text), len(text) + len(value), tag))
        text += value
    return text, words


@pytest.mark.parametrize(
    ("tagged", "names"),
    [
        ("找/v 何/PER 长江/n 谈话/v", ["何长江"]),
        ("周总理/PER 说/v", ["周"]),
        ("局长/n 解振海/v 宣布/v", ["解振海"]),
        ("副主任/n 薄/a 一涛/m 在/p", ["薄一涛"]),
        ("诺罗敦/PER ·哈努克/w 致函/v", ["诺罗敦·哈努克"]),
        ("(/w 金中/PER ·/w 坚赞/v )/w", ["金中·坚赞"]),
        ("王重山/PER 、/w 蒙美玉/LOC 、/w 程运海/PER", ["王重山", "蒙美玉", "程运海"]),
        ("95/m ·/w 951250/PER", []),
        ("驻/v 阿/PER 大使/n", []),
        ("祝海/PER 新/a 。/w", ["祝海新"]),
        ("兰红光/PER 摄/v 。/w", ["兰红光"]),
        ("王楠/PER 摄/v 。/w", ["王楠"]),
        ("钱其山/PER 说/v 。/w 钱/n 其山/r 又/d", ["钱其山", "钱其山"]),
        ("记者/n 从/p 会上/s", []),
        ("主席/n 高度/d 评价/v", []),
        ("土井多/PER 良子/PER 当选/v", ["土井多良子"]),
        ("张涛/PER 李娜/PER", ["张涛", "李娜"]),
    ],
)
def test_structure_mends_what_the_tagger_says(tagged: str, names: list[str]) -> None:
    text, words = _words(tagged)
    assert [text[start:end] for start, end in sorted(people(text, words))] == names


def test_no_words_hold_no_names() -> None:
    assert list(people("", [])) == []


@pytest.mark.parametrize("value", ["王芳", "欧阳静怡", "诸葛明"])
def test_a_surname_and_a_given_name_make_a_name(value: str) -> None:
    assert is_chinese_name(value)


@pytest.mark.parametrize("value", ["关于", "高额", "王的", "向客户", "曾说过", "王", "张三李四"])
def test_words_that_begin_like_a_name_are_none(value: str) -> None:
    assert not is_chinese_name(value)


@pytest.mark.parametrize(
    "text",
    [
        "开户行招商银行深圳分行",
        "请联系科技部处理",
        "持港澳通行证办理",
        "Ticket 55512 was closed",
        "SWIFT CHASUS33",
    ],
)
def test_branches_departments_and_bare_numbers_are_left_alone(text: str) -> None:
    assert ACCURATE.detect(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("就职于中国工商银行上海分行", ("ORGANIZATION", "中国工商银行上海分行")),
        ("my zip is 90210", ("LOCATION", "90210")),
    ],
)
def test_an_employer_and_an_announced_zip_are_found(text: str, expected: tuple[str, str]) -> None:
    assert expected in [(s.type, text[s.start : s.end]) for s in ACCURATE.detect(text)]
