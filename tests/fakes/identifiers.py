"""Identifiers of nobody, for tests: valid by their standards, computed apart from the code under test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from hypothesis import strategies as st

PROVINCES: Final = ("11", "31", "37", "44", "50", "65")
_CODE: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident_id(body: str) -> str:
    """17 digits with their check character: the one that makes the sum over powers of two 1 modulo 11."""
    total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body))
    return body + "0123456789X"[(1 - total) % 11]


def luhn(body: str) -> str:
    """Digits with their Luhn check digit."""
    doubled = "".join(str(int(c) * (2 - i % 2)) for i, c in enumerate(reversed(body)))
    return body + str(-sum(map(int, doubled)) % 10)


def credit_code(body: str) -> str:
    """17 characters with their GB 32100 check character."""
    total = sum(_CODE.index(c) * 3**i for i, c in enumerate(body))
    return body + _CODE[-total % 31]


def resident_ids() -> st.SearchStrategy[str]:
    """Any province of a few, unassigned county digits too, any birth date."""
    parts = st.tuples(
        st.sampled_from(PROVINCES),
        st.integers(0, 9999).map("{:04d}".format),
        st.dates(date(1900, 1, 1), date(2030, 12, 31)).map("{:%Y%m%d}".format),
        st.integers(0, 999).map("{:03d}".format),
    )
    return parts.map(lambda p: resident_id("".join(p)))


def mobiles() -> st.SearchStrategy[str]:
    """Eleven digits from 13 to 19."""
    return st.tuples(st.integers(13, 19), st.integers(0, 10**9 - 1)).map(lambda p: f"{p[0]}{p[1]:09d}")


def cards() -> st.SearchStrategy[str]:
    """UnionPay and Visa numbers of 16 and 19 digits."""
    union = st.tuples(st.just("62"), st.sampled_from((13, 16)))
    visa = st.tuples(st.just("4"), st.just(14))
    return (
        (union | visa)
        .flatmap(lambda p: st.text("0123456789", min_size=p[1], max_size=p[1]).map(lambda body: p[0] + body))
        .map(luhn)
    )


def emails() -> st.SearchStrategy[str]:
    """Addresses at domains that are reserved for examples (RFC 2606, RFC 6761)."""
    local = st.from_regex(r"[a-z][a-z0-9]{0,8}([._+-][a-z0-9]{1,6})?", fullmatch=True)
    domain = st.sampled_from(("example.com", "example.org", "mail.example", "a.b.test"))
    return st.tuples(local, domain).map("@".join)


def _digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def credit_codes() -> st.SearchStrategy[str]:
    """Companies and sole traders of a few provinces (GB 32100)."""
    head = st.sampled_from(("91", "92", "52")), st.sampled_from(PROVINCES), _digits(4)
    return st.tuples(*head, st.text(_CODE, min_size=9, max_size=9)).map(lambda p: credit_code("".join(p)))


def plates() -> st.SearchStrategy[str]:
    """GA 36: five characters, new energy cars (D or F first, or last if large), with and without a dot."""
    small = st.tuples(st.sampled_from("DF"), _digits(5)).map("".join)
    large = st.tuples(_digits(5), st.sampled_from("DF")).map("".join)
    mixed = st.tuples(st.sampled_from("ABQXZ"), _digits(4)).map("".join)
    tail = _digits(5) | small | large | mixed
    return st.tuples(
        st.sampled_from("京沪粤苏云渝藏"), st.sampled_from("ABCKZ"), st.sampled_from(("", "·")), tail
    ).map("".join)


def hk_id(letters: str, digits: str) -> str:
    """A Hong Kong identity card: weights count down from 9, a blank stands for a missing first letter."""
    values = [36, *map(_base36, letters + digits)][-8:]
    check = -sum(v * (9 - i) for i, v in enumerate(values)) % 11
    return f"{letters}{digits}({'0123456789A'[check]})"


def _coded(heads: Sequence[str], digits: int) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(heads), _digits(digits)).map("".join)


def _base36(character: str) -> int:
    return int(character, 36)


def announced() -> st.SearchStrategy[tuple[str, str, str]]:
    """Type, the word that announces it, identifier: those that no shape or check digit alone gives away."""
    old = st.tuples(
        st.sampled_from(PROVINCES), _digits(4), st.dates(date(1930, 1, 1), date(1999, 12, 31)), _digits(3)
    )
    hk = st.tuples(st.sampled_from(("A", "K", "Z", "WX")), _digits(6)).map(lambda p: hk_id(*p))
    area = st.sampled_from(("010", "021", "0571", "0755"))
    local = st.tuples(st.sampled_from("2568"), _digits(7)).map("".join)
    wechat = st.from_regex(r"[a-z][a-z0-9]{4,10}_[a-z0-9]{1,6}", fullmatch=True)
    groups = st.lists(st.integers(1, 0xFFFF), min_size=7, max_size=7)
    made: tuple[tuple[str, tuple[str, ...], st.SearchStrategy[str]], ...] = (
        ("CN_ID_CARD", ("旧身份证号", "证件号码:"), old.map(lambda p: f"{p[0]}{p[1]}{p[2]:%y%m%d}{p[3]}")),
        ("CN_ID_CARD", ("驾驶证号", "驾照:"), resident_ids()),
        ("CN_USCC", ("统一社会信用代码", "税号:"), credit_codes()),
        ("CN_PLATE", ("", "车牌"), plates()),
        ("CN_PASSPORT", ("护照号", "护照号码是"), _coded("EGDSP", 8)),
        ("CN_PASSPORT", ("护照",), _coded(("EA", "EJ"), 7)),
        ("CN_HK_MO_TW_PERMIT", ("港澳通行证", "回乡证号"), _coded("CHM", 8)),
        ("CN_HK_MO_TW_PERMIT", ("台胞证号",), _digits(8)),
        ("HK_ID_CARD", ("香港身份证",), hk),
        ("PHONE_NUMBER", ("座机", "电话:"), st.tuples(area, local).map("".join)),
        ("PHONE_NUMBER", ("", "传真"), st.tuples(area, st.just("-"), local).map("".join)),
        ("PHONE_NUMBER", ("单位电话",), local),
        ("CN_QQ", ("QQ", "QQ号是"), st.integers(10_000, 10**10).map(str)),
        ("CN_WECHAT", ("微信号", "微信:"), wechat),
        ("CN_DRIVER_LICENSE", ("档案编号",), st.tuples(st.sampled_from(PROVINCES), _digits(10)).map("".join)),
        ("IP_ADDRESS", ("", "来自"), groups.map(lambda g: "2001:" + ":".join(f"{n:x}" for n in g))),
    )  # fmt: skip
    return st.one_of(
        *(st.tuples(st.just(kind), st.sampled_from(leads), values) for kind, leads, values in made)
    )
