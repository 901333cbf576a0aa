"""What is left of the address of a page: words of the route, nothing that names a person."""

from __future__ import annotations

import re
from urllib.parse import quote

import polars as pl
import pytest
from fakes.identifiers import cards, emails, mobiles, resident_ids
from hypothesis import given
from hypothesis import strategies as st
from mutants.sessions import path_before_decoding

from service.domain.web_paths import MARK, MAX_STEPS, clean_paths


def clean(value: str) -> str:
    """One path."""
    return str(clean_paths(pl.Series([value]))[0])


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("/", "/"),
        ("", "/"),
        ("/credit-cards/apply.html", "/credit-cards/apply.html"),
        ("/api/v2/creditCard/step_3/", "/api/v2/creditCard/step_3"),
        ("https://user:secret@bank.example:8443/pay?token=abc#top", "/pay"),
        ("//bank.example/pay", "/pay"),
        ("bankapp://cards/list", "/list"),
        ("https://bank.example?next=/people/x", "/"),
        ("/pay;jsessionid=0A1B", "/:id"),
        ("/orders/2026000123/items", "/orders/:id/items"),
        ("/u/0b9f3c1e-7a55-4e0e-9f3c-1e7a554e0e9f", "/u/:id"),
        ("/people/wang.wei@mail.example", "/people/:id"),
        ("/search/张伟", "/search/:id"),
        ("/search/%E5%BC%A0%E4%BC%9F", "/search/:id"),
        ("/a%3Fmobile=13800000001", "/a"),
        ("/a%253Fmobile=13800000001", "/a"),
        ("/a\\13800000001", "/a/:id"),
        ("/１３８００００００００１", "/:id"),
        ("mailto:wang@mail.example", "/:id"),
        ("/%zz", "/:id"),
    ],
)
def test_addresses_are_cut_to_plain_steps(raw: str, kept: str) -> None:
    assert clean(raw) == kept


SECRETS = st.one_of(resident_ids(), mobiles(), cards(), emails(), st.uuids().map(str))


@given(
    SECRETS,
    st.sampled_from(["/a/{}/b", "/a?x={}", "https://h.example/{}#{}", "/{}", "x/{};v=1"]),
    st.integers(0, 6),
)
def test_an_identifier_never_stays_however_often_it_is_encoded(secret: str, frame: str, rounds: int) -> None:
    value = frame.format(secret, secret)
    for _ in range(rounds):
        value = quote(value, safe="")
    kept = clean(value)
    assert secret not in kept
    assert not re.search("[0-9]{3}|[@%?#=]", kept)


@given(st.text())
def test_whatever_comes_the_result_is_a_path_of_few_plain_steps_and_stays_as_it_is(value: str) -> None:
    kept = clean(value)
    steps = kept.removeprefix("/").split("/")
    assert kept.isascii()
    assert kept.startswith("/")
    assert len(steps) <= MAX_STEPS
    assert clean(kept.replace(MARK, "x")) == kept.replace(MARK, "x")


def test_nulls_stay_and_repeats_are_alike() -> None:
    values = pl.Series(["/a/123456", None, "/a/123456"])
    assert clean_paths(values).to_list() == ["/a/:id", None, "/a/:id"]
    assert clean_paths(pl.Series([None, None], dtype=pl.String)).to_list() == [None, None]


def test_looking_before_decoding_is_caught() -> None:
    raw = "/a%3Fmobile=13800000001"
    assert "13800000001" in path_before_decoding(raw)
    assert "13800000001" not in clean(raw)
