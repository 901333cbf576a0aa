from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes.intake import read_all

from privacy.pseudonym.normalise import normalise
from service.adapters.connectors.contract_file import load_contract
from service.demo.consents import SHARES
from service.demo.generate import BAD_ROWS, DATA, DATASETS, GeneratedInput, consented_emails, generate
from service.demo.identities import CARD_BIN, DOMAINS, MOBILE_PREFIX, NO_PREFECTURE, REFERENCE_DAY
from service.errors import UsageError

CUSTOMERS = 30_000
GOOD = {"customers": CUSTOMERS, "statements": 180_000, "notes": 6_000}
#: Sums of BILL_AMTn and PAY_AMTn in NT$, n from 1 (September) to 6 (April), added up from the published CSV.
UCI_TOTALS = [
    (1_536_699_927, 169_907_415),
    (1_475_372_255, 177_634_905),
    (1_410_394_644, 156_770_445),
    (1_297_888_469, 144_782_306),
    (1_209_342_029, 143_981_629),
    (1_166_152_812, 156_465_077),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> GeneratedInput:
    """The demo's input in full."""
    return generate(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def frames(whole: GeneratedInput) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
    """Typed and rejected rows per dataset, as the service reads them."""
    return {name: read_all(whole.files[name], load_contract(whole.contracts[name])[0]) for name in DATASETS}


@pytest.fixture(scope="module")
def good(frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    """The customers with a valid resident id."""
    customers = frames["customers"][0]
    return customers.filter(normalise(customers["resident_id"], "cn_resident_id").is_not_null())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _contents(generated: GeneratedInput) -> dict[str, bytes]:
    paths = [p for p in generated.target.rglob("*") if p.is_file()]
    return {str(p.relative_to(generated.target)): p.read_bytes() for p in paths}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        _contents(generate(tmp_path / name, customers=500, seed=seed))
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )

    assert first == again
    assert len(first) == 9
    assert {name for name in first if first[name] != other[name]} == {
        "customers.csv",
        "statements.csv",
        "notes.jsonl",
        "consents.csv",
        "consented.txt",
        "truth.jsonl",
    }


def test_the_listed_customers_are_those_with_a_standing_separate_consent(whole: GeneratedInput) -> None:
    standing = {
        row["resident_id"]
        for row in pl.read_csv(whole.consents, infer_schema=False).to_dicts()
        if (row["purpose"], row["kind"], row["withdrawn_at"]) == ("credit_scoring", "separate", None)
        and (row["valid_until"] or "9999") > "2026"
    }
    customers = pl.read_csv(whole.files["customers"], infer_schema=False).to_dicts()
    people = {row["email"]: row["resident_id"] for row in customers}
    listed = consented_emails(whole.target)
    assert 0.68 < len(listed) / CUSTOMERS < 0.72
    assert len(set(listed)) == len(listed)
    assert {people[email] for email in listed} <= standing


def test_generating_again_replaces_the_files(tmp_path: Path) -> None:
    generate(tmp_path, customers=60, seed=1)
    generate(tmp_path, customers=50, seed=2)
    fresh = generate(tmp_path / "fresh", customers=50, seed=2)

    assert (tmp_path / "customers.csv").read_bytes() == fresh.files["customers"].read_bytes()


@pytest.mark.parametrize("customers", [0, 49, 30_001])
def test_a_number_of_customers_out_of_range_is_refused(tmp_path: Path, customers: int) -> None:
    with pytest.raises(UsageError):
        generate(tmp_path, customers=customers)


def test_every_row_is_there_and_only_the_spoilt_notes_fail_to_parse(
    frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]],
) -> None:
    for name, (frame, rejected) in frames.items():
        assert frame.height + rejected.height == GOOD[name] + BAD_ROWS[name][0]
    assert frames["customers"][1].is_empty()
    assert frames["statements"][1].is_empty()
    assert set(frames["notes"][1]["rule"]) == {"unknown_category"}
    assert frames["notes"][1].height == BAD_ROWS["notes"][0]


def test_exactly_the_spoilt_customers_have_a_wrong_checksum(
    good: pl.DataFrame, frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]]
) -> None:
    assert good.height == CUSTOMERS
    assert frames["customers"][0].height - good.height == BAD_ROWS["customers"][0]


def test_exactly_the_spoilt_statements_have_an_unknown_card(
    good: pl.DataFrame, frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]]
) -> None:
    unknown = frames["statements"][0].join(good, on="card_no", how="anti")

    assert unknown.height == BAD_ROWS["statements"][0]
    assert normalise(unknown["card_no"], "bank_card").is_not_null().all()


def test_bills_and_payments_are_those_of_the_source_to_the_cent(
    good: pl.DataFrame, frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]]
) -> None:
    statements = frames["statements"][0].join(good, on="card_no", how="semi")
    totals = {
        month: (bill, paid)
        for month, bill, paid in statements.group_by("month")
        .agg(pl.col("bill_cents").sum(), pl.col("paid_cents").sum())
        .iter_rows()
    }

    assert totals == {
        date(2005, 10 - n, 1): (100 * bill, 100 * paid) for n, (bill, paid) in enumerate(UCI_TOTALS, start=1)
    }
    assert statements["bill_cents"].min() == -33_960_300  # balances in the customer's favour are kept


def test_every_customer_keeps_their_own_row_of_the_source(
    good: pl.DataFrame, frames: dict[str, tuple[pl.DataFrame, pl.DataFrame]]
) -> None:
    source = pl.read_parquet(DATA).cast(pl.Int64)
    september = frames["statements"][0].filter(pl.col("month") == date(2005, 9, 1))
    joined = good.join(september, on="card_no", how="left", maintain_order="left")

    assert joined["bill_cents"].to_list() == (source["BILL_AMT1"] * 100).to_list()
    assert joined["limit_cents"].to_list() == (source["LIMIT_BAL"] * 100).to_list()
    assert (joined["default_next_month"] == "yes").to_list() == (source["Default"] == 1).to_list()
    assert (joined["pay_status"] == "late_2").sum() == 2667


def test_identifiers_are_valid_and_unique(good: pl.DataFrame) -> None:
    for column, id_type in (
        ("resident_id", "cn_resident_id"),
        ("mobile", "mobile"),
        ("email", "email"),
        ("card_no", "bank_card"),
    ):
        normal = normalise(good[column], id_type)
        assert normal.is_not_null().all()
        assert normal.n_unique() == CUSTOMERS


def test_identifiers_belong_to_ranges_that_are_nobodys(good: pl.DataFrame) -> None:
    assert (good["resident_id"].str.slice(2, 4) == NO_PREFECTURE).all()
    assert good["mobile"].str.starts_with(MOBILE_PREFIX).all()
    assert good["card_no"].str.starts_with(CARD_BIN).all()
    assert set(good["email"].str.split("@").list.last()) == set(DOMAINS)


def test_resident_ids_agree_with_age_and_sex(good: pl.DataFrame) -> None:
    born = good["resident_id"].str.slice(6, 8).str.to_date("%Y%m%d")
    before_birthday = born.dt.strftime("%m%d") > f"{REFERENCE_DAY:%m%d}"
    age = REFERENCE_DAY.year - born.dt.year() - before_birthday.cast(pl.Int32)
    odd = good["resident_id"].str.slice(16, 1).cast(pl.Int8) % 2 == 1

    assert age.to_list() == pl.read_parquet(DATA)["AGE"].to_list()
    assert odd.to_list() == (good["sex"] == "male").to_list()


def test_some_names_are_english(good: pl.DataFrame) -> None:
    share = good["name"].str.contains(r"^[A-Z][a-z]+ [A-Z][a-z]+$").sum() / CUSTOMERS

    assert 0.07 < share < 0.09


def test_the_truth_stands_where_it_says(whole: GeneratedInput) -> None:
    notes, truth = _lines(whole.files["notes"]), _lines(whole.truth)

    for fact in truth:
        value = notes[fact["row"] - 1][fact["column"]]
        assert value[fact["start"] : fact["end"]] == fact["value"]
    assert {fact["type"] for fact in truth} == {
        "PERSON",
        "PHONE_NUMBER",
        "CN_ID_CARD",
        "EMAIL_ADDRESS",
        "CN_BANK_CARD",
    }
    assert sum(fact["column"] == "channel" for fact in truth) == BAD_ROWS["notes"][0]


def test_notes_hold_no_identifier_that_the_truth_does_not_know(
    whole: GeneratedInput, good: pl.DataFrame
) -> None:
    truth = _lines(whole.truth)
    planted: dict[int, list[tuple[int, int]]] = {}
    for fact in truth:
        planted.setdefault(fact["row"], []).append((fact["start"], fact["end"]))
    mobiles = set(good["mobile"])
    for row, note in enumerate(_lines(whole.files["notes"]), start=1):
        rest = list(note["text"])
        for start, end in planted.get(row, []):
            rest[start:end] = "_" * (end - start)
        left = "".join(rest)
        assert "@" not in left
        assert MOBILE_PREFIX not in left or not any(m in left for m in mobiles)
    assert 2_000 < len(planted) < 3_500  # more than half of the notes name nobody


def test_most_consents_stand_and_some_do_not(whole: GeneratedInput, good: pl.DataFrame) -> None:
    consents = pl.read_csv(whole.consents, infer_schema=False)
    now = "2026-01-01T00:00:00Z"
    withdrawn, expired = pl.col("withdrawn_at") < now, pl.col("valid_until") < now
    by_purpose = consents.group_by("purpose").agg(
        given=pl.len(),
        withdrawn=withdrawn.sum(),
        expired=expired.sum(),
        plain=(pl.col("kind") == "plain").sum(),
    )

    assert set(consents["resident_id"]) <= set(good["resident_id"])
    assert consents.filter(pl.col("given_at") >= pl.min_horizontal("withdrawn_at", "valid_until")).is_empty()
    assert set(by_purpose["purpose"]) == set(SHARES)
    for row in by_purpose.iter_rows(named=True):
        shares = SHARES[row["purpose"]][1]
        assert abs(row["given"] / CUSTOMERS - sum(shares.values())) < 0.01
        assert abs(row["withdrawn"] / CUSTOMERS - shares["withdrawn"]) < 0.01
        assert abs(row["expired"] / CUSTOMERS - shares["expired"]) < 0.01
    weak = by_purpose.filter(pl.col("purpose") == "credit_scoring")["plain"].item()
    assert abs(weak / CUSTOMERS - SHARES["credit_scoring"][1]["weak"]) < 0.01
