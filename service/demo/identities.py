"""Invent people: valid in form, so that every check passes, and nobody's as far as the standards allow.

resident id
    GB 11643 form and checksum; a real province, but prefecture digits ``99``: GB/T 2260 gives 01 to 70 to
    cities and prefectures and 90 to counties right below a province, so no office can have issued the
    number.
mobile
    ``154...``: fits ``1[3-9]`` and eleven digits, and no network had been given the prefix in the public
    numbering metadata (libphonenumber 9.0) when this was written. China reserves no range for fiction, so
    this may change one day.
e-mail
    ``example.com``, ``.org``, ``.net``: reserved by RFC 2606.
bank card
    BIN ``620000``, that of the UnionPay test numbers of payment processors; Luhn check digit.
name
    Frequent Chinese surnames and given-name characters at random; about one in twelve is English.

Birth dates agree with the age in the source as of 30 September 2005, the last digit before the check
character with the sex. Each of the four numbers is unique, also between customers and relatives when drawn
in one call.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

REFERENCE_DAY: Final = date(2005, 9, 30)
ENGLISH_SHARE: Final = 0.08
MOBILE_PREFIX: Final = "154"
CARD_BIN: Final = "620000"
NO_PREFECTURE: Final = "9900"
DOMAINS: Final = ("example.com", "example.org", "example.net")

Ints = npt.NDArray[np.int64]

#: Surnames, given names and the templates of notes.
WORDS: Final[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/words.toml").read_text("utf-8"))
_NAMES: Final = WORDS["names"]
_SPELLED: Final = re.compile(r"([\u4e00-\u9fff]+)([a-z]+)")
_SURNAMES: Final = _SPELLED.findall(_NAMES["surnames"])
_GIVEN: Final = [_SPELLED.findall(text) for text in _NAMES["given"]]  # women, men
_ENGLISH_GIVEN: Final = [text.split() for text in _NAMES["english_given"]]
_ID_WEIGHTS: Final = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.int64)
_ID_CHECKS: Final = "10X98765432"


def make_identities(ages: Ints, males: npt.NDArray[np.bool_], rng: np.random.Generator) -> pl.DataFrame:
    """One invented person per age.

    Args:
        ages: full years on the reference day.
        males: same length.
        rng: source of all choices.

    Returns:
        String columns ``resident_id``, ``name``, ``mobile``, ``email``, ``card_no``, in the order of
        ``ages``.
    """
    names, logins = _names(males, rng)
    n = len(ages)
    mobiles = rng.choice(10**8, size=n, replace=False)
    return pl.DataFrame(
        {
            "resident_id": _resident_ids(ages, males, rng),
            "name": names,
            "mobile": [f"{MOBILE_PREFIX}{number:08d}" for number in mobiles.tolist()],
            "email": _emails(logins, rng),
            "card_no": make_cards(n, rng),
        }
    )


def make_cards(n: int, rng: np.random.Generator) -> list[str]:
    """``n`` different card numbers of 16 digits with Luhn check digit (ISO/IEC 7812-1)."""
    bodies = [f"{CARD_BIN}{number:09d}" for number in rng.choice(10**9, size=n, replace=False).tolist()]
    digits = _digits(bodies)
    digits[:, ::2] *= 2  # with the check digit appended, every second digit from the left is doubled
    digits[digits > 9] -= 9  # noqa: PLR2004  digit sum of a two-digit product
    checks = -digits.sum(axis=1) % 10
    return [f"{body}{check}" for body, check in zip(bodies, checks.tolist(), strict=True)]


def break_checksum(resident_id: str) -> str:
    """The same number with a wrong check character, as a slip of the pen would make it."""
    position = _ID_CHECKS.index(resident_id[-1])
    return resident_id[:-1] + _ID_CHECKS[(position + 1) % len(_ID_CHECKS)]


def _resident_ids(ages: Ints, males: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    n = len(ages)
    provinces = np.array(WORDS["provinces"])[rng.integers(len(WORDS["provinces"]), size=n)]
    months = np.datetime64(REFERENCE_DAY, "M") - 12 * ages
    births = months.astype("datetime64[D]") + (REFERENCE_DAY.day - 1) - rng.integers(365, size=n)
    stems = [
        f"{province}{NO_PREFECTURE}{birth.replace('-', '')}"
        for province, birth in zip(provinces.tolist(), births.astype(str).tolist(), strict=True)
    ]
    bodies = _distinct_bodies(stems, males, rng)
    checks = _digits(bodies) @ _ID_WEIGHTS % 11
    return [f"{body}{_ID_CHECKS[check]}" for body, check in zip(bodies, checks.tolist(), strict=True)]


def _distinct_bodies(stems: list[str], males: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    """Append the three-digit sequence, odd for men; the few that collide move on to the next free one."""
    orders = (2 * rng.integers(500, size=len(stems)) + males).tolist()
    seen: set[str] = set()
    for index, (stem, first) in enumerate(zip(stems, orders, strict=True)):
        order = first
        while f"{stem}{order:03d}" in seen:
            order = (order + 2) % 1000
        seen.add(f"{stem}{order:03d}")
        stems[index] = f"{stem}{order:03d}"
    return stems


def _names(males: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Names, and their Latin spelling for the e-mail address."""
    n = len(males)
    english = (rng.random(n) < ENGLISH_SHARE).tolist()
    ranks = (len(_SURNAMES) * rng.random(n) ** 1.7).astype(np.int64).tolist()  # frequent ones come first
    picks = rng.integers(1 << 30, size=(n, 3)).tolist()
    names, logins = [], []
    people = zip(males.tolist(), english, ranks, picks, strict=True)
    for male, is_english, rank, (first, second, long) in people:
        if is_english:
            given = _ENGLISH_GIVEN[male][first % len(_ENGLISH_GIVEN[male])]
            surname = _NAMES["english_surnames"][second % len(_NAMES["english_surnames"])]
            names.append(f"{given} {surname}")
            logins.append(f"{given}.{surname}".lower())
            continue
        pool = _GIVEN[male]
        parts = [pool[first % len(pool)]] + [pool[second % len(pool)]] * (long % 4 > 0)
        names.append(_SURNAMES[rank][0] + "".join(han for han, _ in parts))
        logins.append(f"{_SURNAMES[rank][1]}.{''.join(latin for _, latin in parts)}")
    return names, logins


def _emails(logins: list[str], rng: np.random.Generator) -> list[str]:
    domains = rng.integers(len(DOMAINS), size=len(logins)).tolist()
    numbers = rng.choice(90_000, size=len(logins), replace=False).tolist()
    return [
        f"{login}{number + 10_000}@{DOMAINS[domain]}"
        for login, number, domain in zip(logins, numbers, domains, strict=True)
    ]


def _digits(texts: list[str]) -> Ints:
    """Decimal strings of one length as a matrix of digits."""
    raw = np.frombuffer("".join(texts).encode("ascii"), np.uint8).reshape(len(texts), -1)
    return raw.astype(np.int64) - ord("0")
