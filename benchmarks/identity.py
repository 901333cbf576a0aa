"""Finding people who are enrolled twice, with planted truth, against splink (Fellegi-Sunter on DuckDB).

20,000 people, 15 % of them enrolled again with realistic errors (``tests/fakes/duplicates.py``), with birth
date and address, and with name and contacts only. Ours is what ``identity match`` merges without a person:
features, EM and hard rules at the shipped limit. Splink gets the same plain columns (the romanised name too,
which it cannot make), a sensible comparison for each, blocking on the same columns, and the same knowledge
that two resident ids are two people. The seed here was not looked at while limits were set.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any, Final

import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.duplicates import Books, books

from benchmarks.report import Row
from policies.loader import load_policies
from privacy.pseudonym import features as ours
from privacy.pseudonym.matching import candidates, match

PEOPLE: Final = 20_000
SEED: Final = 20_261
PRECISION: Final = 0.99
RECALL: Final = 0.95
Pairs = set[tuple[int, int]]


def run() -> list[Row]:
    """Quality in both settings, and CPU time in the first."""
    rows = []
    for what, full in (("with birth date and address", True), ("with name and contacts only", False)):
        planted = books(PEOPLE, seed=SEED, birth_and_address=full)
        (mine, my_time), (theirs, their_time) = _timed(_ours, planted), _timed(_splink, planted)
        rows.append(_found(what, planted, mine, theirs))
        if full:
            times = (f"{my_time:.1f} CPU s", f"splink: {their_time:.1f} CPU s")
            who = f"matching {len(planted.fields):,} enrolments"
            rows.append(Row(who, *times, their_time / my_time, "faster", my_time < their_time))
    return rows


def _found(what: str, planted: Books, mine: Pairs, theirs: Pairs) -> Row:
    true = planted.true_pairs()
    (p, r), (q, s) = _quality(mine, true), _quality(theirs, true)
    reach = f"{_reach(planted):.1%} of the true pairs share more than a name"
    return Row(
        f"planted duplicates, {what}; {reach}",
        f"precision {p:.4f}, recall {r:.4f}",
        f"splink: precision {q:.4f}, recall {s:.4f}",
        _false(mine, true, theirs),
        f"precision >= {PRECISION}, recall >= {RECALL}; ratio: of false merges",
        p >= PRECISION and r >= RECALL,
    )


def _ours(planted: Books) -> Pairs:
    tokens = ours.features(ours.people_frame(planted.fields.items()), bytes(32))
    limit = load_policies().matching.accept / 1000
    return {(p.a, p.b) for p in match(tokens, _identified(planted)) if p.clear and p.probability >= limit}


def _splink(planted: Books) -> Pairs:
    people = ours.people_frame(planted.fields.items())
    frame = ours.plain(people).rename({"_subject": "unique_id"})
    full = frame["address"].null_count() < frame.height
    comparisons: list[Any] = [
        cl.JaroWinklerAtThresholds("sound", [0.92]).configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
        cl.ExactMatch("mobile").configure(term_frequency_adjustments=True),
    ]
    blocks: list[Any] = [block_on("email"), block_on("mobile"), block_on("local")]
    if full:
        comparisons += [cl.DamerauLevenshteinAtThresholds("birth", [1]), cl.ExactMatch("address")]
        blocks += [block_on("sound", "birth"), block_on("sound", "address")]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=blocks,
        probability_two_random_records_match=len(planted.true_pairs())
        / (frame.height * (frame.height - 1) / 2),
    )
    linker = Linker(
        DuckDBAPI().register(frame.to_arrow(), dataset_display_name="people"),
        settings,
        log_level=logging.ERROR,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
    for block in (block_on("email"), block_on("mobile")):
        linker.training.estimate_parameters_using_expectation_maximisation(block)
    found = linker.inference.predict(threshold_match_probability=0.9).as_duckdbpyrelation().pl()
    known = _identified(planted)
    pairs = found.select("unique_id_l", "unique_id_r").iter_rows()
    return {(min(p), max(p)) for p in pairs if not known.issuperset(p)}


def _identified(planted: Books) -> frozenset[int]:
    return frozenset(s for s, fields in planted.fields.items() if "cn_resident_id" in fields)


def _quality(found: Pairs, true: Pairs) -> tuple[float, float]:
    return len(found & true) / max(len(found), 1), len(found & true) / len(true)


def _false(mine: Pairs, true: Pairs, theirs: Pairs) -> float:
    return len(mine - true) / max(len(theirs - true), 1)


def _reach(planted: Books) -> float:
    """Share of true pairs that agree on an e-mail address (or nearly) or a mobile number at all."""
    tokens = ours.features(ours.people_frame(planted.fields.items()), bytes(32))
    true = planted.true_pairs()
    return len(true.intersection(candidates(tokens, frozenset()).iter_rows())) / len(true)


def _timed(work: Any, planted: Books) -> tuple[Pairs, float]:
    start = time.process_time()
    found = work(planted)
    return found, time.process_time() - start
