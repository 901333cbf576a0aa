"""Spoilt text is put back byte for byte where that is certain, and named where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.connectors.mojibake import repair
from service.adapters.connectors.repair import repair_file
from service.errors import ConflictError

TABLE = "姓名,地址,备注\r\n王芳,上海市浦东新区,“来电”询问账单\r\n李伟,北京市朝阳区,plain text only\r\n"
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=20)


def windows(data: bytes) -> str:
    """As Windows-1252 shows bytes, those without a letter included."""
    return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in data)


@pytest.mark.parametrize("spoil", [windows, lambda data: data.decode("latin-1")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_spoilt_table_comes_back_byte_for_byte(tmp_path: Path, spoil: object, encoding: str) -> None:
    assert callable(spoil)
    (tmp_path / "in.csv").write_bytes(spoil(TABLE.encode()).encode(encoding))

    report = repair_file(tmp_path / "in.csv", tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_bytes() == TABLE.encode()
    assert (report.lines, report.repaired, report.spoilt) == (3, 3, 0)


def test_what_was_lost_stays_and_is_named(tmp_path: Path) -> None:
    lost = "锟斤拷"  # what GBK shows of characters that were already replaced
    (tmp_path / "in.csv").write_text(f"a\n{lost}\n{windows('王'.encode())}\n", encoding="utf-8")

    report = repair_file(tmp_path / "in.csv", tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == f"a\n{lost}\n王\n"
    assert (report.repaired, report.spoilt, report.first) == (1, 1, (2,))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n", encoding="utf-8")
    with pytest.raises(ConflictError):
        repair_file(tmp_path / "in.csv", tmp_path / "in.csv")
    assert (tmp_path / "in.csv").read_text(encoding="utf-8") == "a\n"


@given(HAN)
def test_sound_chinese_is_left_alone(text: str) -> None:
    assert repair(text) == (text, 0)


@given(HAN)
def test_chinese_read_as_windows_1252_is_put_back(text: str) -> None:
    assert repair(windows(text.encode()))[0] == text
