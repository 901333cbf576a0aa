"""Make the demo's input: real card customers with invented identities, as a bank would export them.

Same seed, same bytes. The figures are those of the UCI data set (``data/NOTICE.md``), unchanged and in NT$
cents; everything that points to a person is invented (``identities``, ``notes``, ``consents``). What was
planted is written to ``truth.jsonl``, so that tests can count what was found; who can be scored, one e-mail
address a line, to ``consented.txt``. A few rows are bad on
purpose: see ``BAD_ROWS``.

``python -m service.demo.generate DIR --customers N`` writes it. The directory plays the bank: it is not the
service's data directory and must not lie in it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import typer

from service.demo.consents import make_consents
from service.demo.identities import break_checksum, make_cards, make_identities
from service.demo.notes import TYPES, Planted, write_note
from service.errors import UsageError

DATA: Final = Path(__file__).parent / "data/uci_default.parquet"
CONTRACTS: Final = Path(__file__).parent / "contracts"
FILES: Final = {"customers": "customers.csv", "statements": "statements.csv", "notes": "notes.jsonl"}
DATASETS: Final = tuple(FILES)
ALL_CUSTOMERS: Final = 30_000
CUSTOMERS_PER_NOTE: Final = 5

#: Rows added beyond the good ones, and the reason for which each must be set aside.
BAD_ROWS: Final[dict[str, tuple[int, str]]] = {
    "customers": (12, "resident id with a wrong checksum"),
    "statements": (9, "card of no customer"),
    "notes": (7, "mobile number in the channel column"),
}

EDUCATION: Final = {1: "graduate", 2: "university", 3: "high_school", 4: "others"}
MARRIAGE: Final = {1: "married", 2: "single", 3: "others"}
SEX: Final = {1: "male", 2: "female"}
PAY_STATUS: Final = {-2: "no_use", -1: "paid", 0: "revolving", **{n: f"late_{n}" for n in range(1, 10)}}
#: Source column numbers, newest first: 1 is September 2005. The status of month 1 is called PAY_0 there.
MONTHS: Final = {n: date(2005, 10 - n, 1) for n in range(1, 7)}
CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class GeneratedInput:
    """What was written.

    Attributes:
        target: the directory.
        files: dataset name to its data file.
        contracts: dataset name to its contract.
        consents: consent records.
        truth: planted identifiers.
    """

    target: Path
    files: dict[str, Path]
    contracts: dict[str, Path]
    consents: Path
    truth: Path


def generate(target: Path, *, customers: int = ALL_CUSTOMERS, seed: int = 2005) -> GeneratedInput:
    """Write the input files; files of an earlier run are replaced.

    Args:
        target: directory, made if absent.
        customers: how many of the 30,000, the first ones; at least 50.
        seed: of every random choice.

    Raises:
        UsageError: the number of customers is out of range.
    """
    if not 50 <= customers <= ALL_CUSTOMERS:  # noqa: PLR2004  fewer leave nothing to spoil
        raise UsageError("customers must be from 50 to 30000", customers=customers)
    rng = np.random.default_rng(seed)
    source = pl.read_parquet(DATA).head(customers)
    people, kin = _people(source, rng)
    tables = {"customers": _customers(source, people, rng), "statements": _statements(source, people, rng)}
    notes, truth = _notes(people, kin, rng)
    consents = make_consents(people["resident_id"], rng)
    target.mkdir(parents=True, exist_ok=True)
    files = {name: target / file for name, file in FILES.items()}
    for name, table in tables.items():
        table.write_csv(files[name])
    _write_lines(files["notes"], notes)
    _write_lines(target / "truth.jsonl", truth)
    consents.write_csv(target / "consents.csv")
    (target / "consented.txt").write_text(_consented(tables["customers"], consents), encoding="utf-8")
    folder = shutil.copytree(CONTRACTS, target / "contracts", dirs_exist_ok=True)
    return GeneratedInput(
        target=target,
        files=files,
        contracts={name: folder / f"{name}.yaml" for name in DATASETS},
        consents=target / "consents.csv",
        truth=target / "truth.jsonl",
    )


def consented_emails(source: Path) -> list[str]:
    """Whom the demo can ask about scores. The service never lists people; the demo plays the customers."""
    return (source / "consented.txt").read_text(encoding="utf-8").splitlines()


def _consented(customers: pl.DataFrame, consents: pl.DataFrame) -> str:
    """E-mail addresses of customers whose separate consent to credit scoring stands, one a line, in order."""
    standing = consents.filter(
        pl.col("withdrawn_at").is_null(),
        pl.col("valid_until").fill_null("9999") > "2026-01-01",
        purpose="credit_scoring",
        kind="separate",
    )
    known = customers.filter(
        pl.col("email").is_unique(),  # a few rows are spoilt copies of good ones
        pl.col("resident_id").is_in(standing["resident_id"].implode()),
    )
    return "".join(f"{email}\n" for email in known["email"])


def _people(source: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Identities of the customers, and as many relatives as there are notes."""
    n_kin = source.height // CUSTOMERS_PER_NOTE
    ages = np.concatenate([source["AGE"].to_numpy().astype(np.int64), rng.integers(20, 80, size=n_kin)])
    males = np.concatenate([source["SEX"].to_numpy() == 1, rng.random(n_kin) < 0.5])  # noqa: PLR2004  half
    everyone = make_identities(ages, males, rng)
    return everyone[: source.height], everyone[source.height :]


def _customers(source: pl.DataFrame, people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    good = people.hstack(
        source.select(
            education=_words("EDUCATION", EDUCATION),
            marriage=_words("MARRIAGE", MARRIAGE),
            sex=_words("SEX", SEX),
            age_band=pl.format("{}0s", pl.col("AGE") // 10),
            limit_cents=pl.col("LIMIT_BAL").cast(pl.Int64) * CENTS,
            default_next_month=_words("Default", {0: "no", 1: "yes"}),
        )
    )
    bad = good[_some(good.height, "customers", rng)].with_columns(
        pl.col("resident_id").map_elements(break_checksum, return_dtype=pl.String)
    )
    return _mix(good, bad, rng)


def _statements(source: pl.DataFrame, people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    good = pl.concat(
        source.select(
            card_no=people["card_no"],
            month=pl.lit(month),
            bill_cents=pl.col(f"BILL_AMT{n}").cast(pl.Int64) * CENTS,
            paid_cents=pl.col(f"PAY_AMT{n}").cast(pl.Int64) * CENTS,
            pay_status=_words(f"PAY_{0 if n == 1 else n}", PAY_STATUS),
        )
        for n, month in sorted(MONTHS.items(), reverse=True)
    )
    known = set(people["card_no"])
    n_bad = BAD_ROWS["statements"][0]
    strangers = [card for card in make_cards(2 * n_bad, rng) if card not in known][:n_bad]
    bad = good[_some(good.height, "statements", rng)].with_columns(card_no=pl.Series(strangers))
    return _mix(good, bad, rng)


def _notes(
    people: pl.DataFrame, kin: pl.DataFrame, rng: np.random.Generator
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Notes and what is planted in them; rows count from 1, as the service counts them."""
    n_good, n_bad = kin.height, BAD_ROWS["notes"][0]
    writers = people[rng.integers(people.height, size=n_good + n_bad)].to_dicts()
    relatives = kin.to_dicts()
    spoilt = set(rng.choice(n_good + n_bad, size=n_bad, replace=False).tolist())
    notes: list[dict[str, object]] = []
    truth: list[dict[str, object]] = []
    for index, own in enumerate(writers):
        text, planted = write_note(own, relatives[index % n_good], rng)
        channel = str(rng.choice(["phone", "chat", "mail"], p=[0.6, 0.3, 0.1]))
        noted_on = min(MONTHS.values()) + timedelta(days=int(rng.integers(183)))
        where = {"file": "notes.jsonl", "row": index + 1}
        truth += [{**where, "column": "text", **asdict(p)} for p in planted]
        if index in spoilt:
            channel = own["mobile"]
            whole = Planted(0, len(channel), TYPES["mobile"], channel, channel)
            truth.append({**where, "column": "channel", **asdict(whole)})
        note = {"mobile": own["mobile"], "noted_on": noted_on.isoformat(), "channel": channel, "text": text}
        notes.append(note)
    return notes, truth


def _words(column: str, words: dict[int, str]) -> pl.Expr:
    return pl.col(column).replace_strict(words, return_dtype=pl.String)


def _some(height: int, dataset: str, rng: np.random.Generator) -> list[int]:
    """Rows to make bad copies of."""
    return sorted(rng.choice(height, size=BAD_ROWS[dataset][0], replace=False).tolist())


def _mix(good: pl.DataFrame, bad: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The good rows in order with the bad ones somewhere between."""
    places = np.concatenate([np.arange(good.height, dtype=float), rng.random(bad.height) * good.height])
    return (
        pl.concat([good, bad]).with_columns(_place=places).sort("_place", maintain_order=True).drop("_place")
    )


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="\n")


def main(target: Path, customers: int = ALL_CUSTOMERS) -> None:
    """Write the demo's input files and say where."""
    try:
        generate(target, customers=customers)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(target)


if __name__ == "__main__":
    typer.run(main)
