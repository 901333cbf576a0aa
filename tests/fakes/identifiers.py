"""Identifiers of nobody, for tests: valid by their standards, computed apart from the code under test."""

from __future__ import annotations

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
