"""The printed report: its words in both languages, its bytes, its glyphs, its signature."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.behaviour_facts import customer_answers, governance_answers, profiles, provenance, report, scores
from fakes.clock import FakeClock

from service.adapters.keys.report_key import FILE, ReportKey
from service.errors import StorageError
from service.reporting.document import Column, Language, Section, Source, Table, Text, format_report
from service.reporting.render import render

GOLDEN = Path(__file__).resolve().parents[3] / "golden"
LANGUAGES: tuple[Language, Language] = ("zh", "en")


@pytest.fixture(scope="module")
def pages() -> dict[Language, bytes]:
    return {language: render(report(), language) for language in LANGUAGES}


def poppler(tool: str, pdf: bytes, folder: Path, *args: str) -> str:
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    command = [tool, *args[:1], str(path), *args[1:]]
    environment = {**os.environ, "TZ": "UTC"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout


def plain(words: str) -> str:
    """Lines with single spaces; the dots of the contents page as three."""
    lines = (" ".join(line.split()) for line in words.splitlines())
    return "".join(re.sub(r"(\. ){4,}\W*", "... ", line) + "\n" for line in lines if line)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_the_golden_ones(
    language: Language, pages: dict[Language, bytes], tmp_path: Path
) -> None:
    words = poppler("pdftotext", pages[language], tmp_path, "-layout", "-")
    assert plain(words) == (GOLDEN / f"behaviour.{language}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("rows", [*range(28, 40, 2), 75, 76, 77])
def test_a_broken_table_keeps_its_last_rows_and_its_source_together(rows: int, tmp_path: Path) -> None:
    whole = report()
    source = Source("segments.by_band@1", ("derived_profile@1",))
    columns = (Column("name", Text("名", "Name"), "name"), Column("n", Text("数", "Number"), "count"))
    lines = tuple((f"row-{n}", n) for n in range(rows))
    long = Table("long", Text("长表", "A long table"), source, columns, lines)
    sections = (Section("long", Text("长", "Long"), items=(long,)), whole.sections[-1])
    pdf = render(replace(whole, sections=sections), "en")
    pages = poppler("pdftotext", pdf, tmp_path, "-layout", "-").split("\f")
    held = [page for page in pages if "row-" in page]
    assert [f"row-{n} " in held[-1] for n in range(rows - 3, rows)] == [True] * 3
    assert "Source: segments.by_band@1" in held[-1]
    assert all("Name" in page and page.count("row-") >= 3 for page in held)
    assert "Table 1.1" in held[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_report_gives_the_same_bytes(language: Language, pages: dict[Language, bytes]) -> None:
    assert render(report(), language) == pages[language]


def test_another_process_gives_the_same_bytes(pages: dict[Language, bytes], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fakes.behaviour_facts import report; "
        "from service.reporting.render import render; "
        "[Path(f'{name}.pdf').write_bytes(render(report(), name)) for name in ('zh', 'en')]"
    )
    root = Path(__file__).resolve().parents[4]
    environment = {"PYTHONPATH": f"{root}:{root / 'tests'}", "PYTHONHASHSEED": "7", "LANG": "C"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert {name: (tmp_path / f"{name}.pdf").read_bytes() for name in LANGUAGES} == pages


def test_one_changed_number_gives_other_bytes(pages: dict[Language, bytes]) -> None:
    other = customer_answers(profiles(), scores(), version=2) | governance_answers()
    assert render(report(other), "en") != pages["en"]


def test_only_the_shipped_fonts_are_used_and_they_are_embedded(
    pages: dict[Language, bytes], tmp_path: Path
) -> None:
    for pdf in pages.values():
        lines = poppler("pdffonts", pdf, tmp_path).splitlines()[2:]
        assert all(re.search(r"NotoSansSC|DejaVuSansMono", line) for line in lines)
        assert all(line.split()[-5] == "yes" for line in lines)


def test_a_rare_character_in_the_name_is_set_and_an_unknown_one_is_refused() -> None:
    named = replace(provenance(), institution=Text("鑫晟消费金融", "Xinsheng"))
    assert render(report(told=named), "zh").startswith(b"%PDF")
    unknown = replace(named, institution=Text("\U00020000", "x"))
    with pytest.raises(Exception, match="could not be displayed"):
        render(report(told=unknown), "zh")


def test_the_machine_readable_form_is_attached(pages: dict[Language, bytes], tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(pages["zh"])
    subprocess.run(["pdfdetach", "-saveall", "-o", str(tmp_path), str(tmp_path / "in.pdf")], check=True)
    assert (tmp_path / "report.json").read_bytes() == format_report(report())


def test_the_pdf_is_tagged_and_says_its_language(pages: dict[Language, bytes], tmp_path: Path) -> None:
    info = poppler("pdfinfo", pages["zh"], tmp_path)
    assert re.search(r"Tagged:\s+yes", info)
    assert re.search(r"Title:\s+客户行为分析报告", info)


def test_pdfsig_finds_the_signature_valid_and_the_unsigned_bytes_a_prefix(
    pages: dict[Language, bytes], tmp_path: Path, clock: FakeClock
) -> None:
    signed = ReportKey(tmp_path / "keys", clock).sign(pages["zh"])
    said = poppler("pdfsig", signed, tmp_path)
    assert "Signature is Valid" in said
    assert "ETSI.CAdES.detached" in said
    assert "Total document signed" in said
    assert signed.startswith(pages["zh"])


def test_a_changed_byte_breaks_the_signature(
    pages: dict[Language, bytes], tmp_path: Path, clock: FakeClock
) -> None:
    signed = bytearray(ReportKey(tmp_path / "keys", clock).sign(pages["en"]))
    signed[len(pages["en"]) // 2] ^= 1
    assert "Signature is Valid" not in poppler("pdfsig", bytes(signed), tmp_path)


def test_the_signing_time_is_the_clocks(
    pages: dict[Language, bytes], tmp_path: Path, clock: FakeClock
) -> None:
    signed = ReportKey(tmp_path / "keys", clock).sign(pages["en"])
    assert f"Signing Time: {clock.now():%b %d %Y %H:%M:%S}" in poppler("pdfsig", signed, tmp_path)


def test_the_report_key_is_made_once_and_private(tmp_path: Path, clock: FakeClock) -> None:
    first = ReportKey(tmp_path / "keys", clock).certificate()
    assert ReportKey(tmp_path / "keys", clock).certificate() == first
    assert (tmp_path / "keys" / FILE).stat().st_mode & 0o077 == 0
    assert [p.name for p in (tmp_path / "keys").iterdir()] == [FILE]


def test_a_key_file_open_to_others_or_damaged_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    key = ReportKey(tmp_path, clock)
    key.certificate()
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(StorageError, match="open to others"):
        key.sign(b"")
    (tmp_path / FILE).chmod(0o600)
    (tmp_path / FILE).write_text("nothing")
    with pytest.raises(StorageError, match="damaged"):
        key.sign(b"")


def test_a_certificate_of_another_key_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    one, two = ReportKey(tmp_path / "1", clock), ReportKey(tmp_path / "2", clock)
    one.certificate()
    mine = (tmp_path / "1" / FILE).read_text()
    (tmp_path / "1" / FILE).write_text(mine.split("-----BEGIN CERT")[0] + two.certificate().decode())
    with pytest.raises(StorageError, match="belong together"):
        one.sign(b"")
