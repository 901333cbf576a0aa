"""What no dataset may hold: the shipped terms, how they are matched, and how the file may be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import PolicyError
from policies.lint import lint
from policies.loader import DENIED, Files, load_policies, parse_policies, read_files

FILES = read_files()
SHIPPED = load_policies().denied
ENTRY = "{dataset: visits, column: gps_track, feature: location, law: PIPL 13(1) 2, why: route of the van}"


def edited(old: str, new: str) -> Files:
    """The shipped files with one edit of the denied features."""
    text = FILES[DENIED].decode()
    assert old in text
    return {**FILES, DENIED: text.replace(old, new, 1).encode()}


@pytest.mark.parametrize(("text", "feature"), SHIPPED.examples)
def test_each_shipped_example_is_decided_as_it_says(text: str, feature: str) -> None:
    assert ([f.code for f in SHIPPED.said_in(text)] or ["none"]) == [feature]


@given(
    st.sampled_from([(f.code, term) for f in SHIPPED.features.values() for term in (*f.en, *f.zh)]),
    st.sampled_from(["{}", "x_{}", "{}_30d", "Number of {}", "{}（近30天）", "({})"]),
    st.sampled_from(
        [str, str.upper, str.title, lambda t: t.replace(" ", "_"), lambda t: t.replace(" ", "-")]
    ),
)
def test_every_term_is_found_however_it_is_written(
    term: tuple[str, str], frame: str, write: type[str]
) -> None:
    assert term[0] in {f.code for f in SHIPPED.said_in(frame.format(write(term[1])))}


@pytest.mark.parametrize(
    "text", ["", "limit_cents", "GPs", "Freundlich", "unfriendly", "allocation", "信用额度"]
)
def test_other_words_pass(text: str) -> None:
    said = [f.code for f in SHIPPED.said_in(text)]
    assert said == ([] if text != "GPs" else ["location"])


def test_every_feature_cites_its_law_and_no_exception_is_shipped() -> None:
    assert SHIPPED.bases == ()
    assert {f.law for f in SHIPPED.features.values()} == {"PIPL 6", "PIPL 24(1)", "PIPL 28"}


def test_an_exception_holds_for_its_column_and_feature_only() -> None:
    denied = parse_policies(edited("basis: []", f"basis: [{ENTRY}]")).denied
    assert denied.refused("visits", "gps_track", "gps_track") is None
    for dataset, column, text in (
        ("visits", "gps_other", "gps_other"),
        ("notes", "gps_track", "gps_track"),
        ("visits", "gps_track", "friends on the way"),
    ):
        assert denied.refused(dataset, column, text) is not None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("basis: []\n", "", "basis"),
        ("basis: []", "basis: [{dataset: visits, column: gps, feature: location, law: x}]", "why"),
        ("basis: []", f"basis: [{ENTRY.replace('location', 'places')}]", "unknown feature: places"),
        ("feature: none}", "feature: nothing}", "unknown feature: nothing"),
        ("    law: PIPL 24(1)", "    laws: PIPL 24(1)", "laws"),
        ("zh: [爬虫, 爬取", "zh: ['', 爬取", "zh"),
        ("zh: [爬虫, 爬取", "zh: [' ', 爬取", "empty term"),
        ("en: [crawler, crawled, web crawl, scraper, scraped, web scraping]", "en: []", "en"),
    ],
)
def test_a_file_that_is_not_exactly_right_is_refused(old: str, new: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason) as refused:
        parse_policies(edited(old, new))
    assert refused.value.file == DENIED


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("[gps, geolocation", "[geolocation", "decided otherwise: last_gps_fix: none"),
        ("[social network,", "[branch, social network,", "decided otherwise: location of the branch: social"),
        (
            "feature: crawled}\n  - {text: 由爬虫获得的负面信息, feature: crawled}",
            "feature: none}",
            "crawled",
        ),
    ],
)
def test_the_lint_runs_the_examples(old: str, new: str, finding: str) -> None:
    assert any(finding in each for each in lint(parse_policies(edited(old, new))))
