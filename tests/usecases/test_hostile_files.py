"""Files made to hurt: each is refused with a reason, or loses only its bad rows; nothing is half stored."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.intake import STEWARD, open_intake, pick

from service.demo.generate import GeneratedInput, generate
from service.errors import ContractError, DriftError
from service.ports import Deps
from service.usecases.ingest import ingest

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> GeneratedInput:
    """The bank's files."""
    return generate(tmp_path_factory.mktemp("bank"), customers=60)


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    """An empty service."""
    return open_intake(tmp_path / "home", FakeClock())


def state(deps: Deps) -> tuple[object, ...]:
    """What a refused file must leave as it was."""
    with deps.ops() as tx:
        batches = len(tx.batches.all())
    files = sorted(str(p) for p in (deps.home / "events").rglob("*") if p.is_file())
    return batches, files, deps.vault.pseudonyms().height


def rows_of(source: GeneratedInput) -> tuple[str, list[str]]:
    header, *lines = source.files["customers"].read_text(encoding="utf-8").splitlines()
    return header, lines


def _bomb(size: int = 256 * MEGABYTE) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * size)
    return out.getvalue()


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "gzip called csv": gzip.compress,
    "bzip2 called csv": bz2.compress,
    "zip called csv": lambda _text: _bomb(MEGABYTE),
    "nul in the middle": lambda text: text[:5000] + b"\x00" + text[5000:],
    "two encodings": lambda text: text + "王芳,客户".encode("gb18030") + b"\n",
    "utf-16 after utf-8": lambda text: text + "王芳".encode("utf-16") + b"\n",
    "a million columns": lambda text: b"a," * 1_000_000 + b"b\n" + text,
    "no line end at all": lambda _text: b"resident_id" + b"x" * (20 * MEGABYTE),
    "one quote and then megabytes": lambda text: text + b'"' + b"y,z\n" * (3 * MEGABYTE),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_text_file_is_refused_and_leaves_nothing(
    source: GeneratedInput, deps: Deps, tmp_path: Path, what: str
) -> None:
    before = state(deps)
    path = tmp_path / "customers.csv"
    path.write_bytes(HOSTILE[what](source.files["customers"].read_bytes()))

    with pytest.raises(ContractError) as refused:
        ingest(path, "customers", actor=STEWARD, deps=deps)

    assert refused.value.reason
    assert state(deps) == before


def test_a_row_of_a_million_fields_costs_that_row(source: GeneratedInput, deps: Deps, tmp_path: Path) -> None:
    header, lines = rows_of(source)
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([header, lines[0], "x," * 1_000_000, *lines[1:]]) + "\n", encoding="utf-8")

    row = ingest(path, "customers", actor=STEWARD, deps=deps)
    plain = ingest(source.files["customers"], "customers", actor=STEWARD, deps=deps)

    assert row.reasons["wrong_field_count"] == plain.reasons.get("wrong_field_count", 0) + 1
    assert row.counts.admitted == plain.counts.admitted


def test_megabytes_in_one_field_cost_that_row(source: GeneratedInput, deps: Deps, tmp_path: Path) -> None:
    ingest(source.files["customers"], "customers", actor=STEWARD, deps=deps)
    path = pick(source.files["statements"], tmp_path / "statements.csv", 0, 1, 2, pay_status="9" * MEGABYTE)

    row = ingest(path, "statements", actor=STEWARD, deps=deps)

    assert (row.counts.admitted, row.counts.quarantined) == (0, 3)


def test_a_parquet_file_that_unfolds_without_end_is_refused(
    source: GeneratedInput, deps: Deps, tmp_path: Path
) -> None:
    ingest(source.files["customers"], "customers", actor=STEWARD, deps=deps)
    before = state(deps)
    path = tmp_path / "statements.parquet"
    line = pl.scan_csv(source.files["statements"], infer_schema=False).head(1)
    long = line.with_columns(pay_status=pl.lit("9" * 100))
    long.select(pl.all().repeat_by(MEGABYTE).list.explode()).sink_parquet(path, row_group_size=MEGABYTE)
    assert path.stat().st_size < MEGABYTE

    with pytest.raises(ContractError) as refused:
        ingest(path, "statements", actor=STEWARD, deps=deps)

    assert refused.value.fields["rows"] == MEGABYTE
    assert state(deps) == before


def test_a_batch_that_is_set_aside_as_a_whole_makes_nobody_known(
    source: GeneratedInput, deps: Deps, tmp_path: Path
) -> None:
    header, lines = rows_of(source)
    at = header.split(",").index("mobile")
    drifted = [
        ",".join(
            "a.person@mail.example" if n == at and row > 20 else v for n, v in enumerate(line.split(","))
        )
        for row, line in enumerate(lines)
    ]
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([header, *drifted]) + "\n", encoding="utf-8")

    with pytest.raises(DriftError):
        ingest(path, "customers", actor=STEWARD, deps=deps)

    assert deps.vault.pseudonyms().is_empty()
