from __future__ import annotations

from pathlib import Path

import pytest
from fakes.contracts import GOOD, HEADER, make_contract
from fakes.encoded import decode_text
from fakes.intake import read_all

from service.adapters.connectors.files import FileConnector
from service.errors import ContractError

CONTRACT = make_contract()
SIMPLIFIED = "客户来电询问信用卡账单金额，要求退还年费。"
TRADITIONAL = "客戶來電詢問信用卡帳單金額，要求退還年費。"
ENCODED = [
    (SIMPLIFIED.encode(), "utf-8"),
    (SIMPLIFIED.encode("utf-8-sig"), "utf-8"),
    (SIMPLIFIED.encode("utf-16"), "utf-16"),
    (b"\xfe\xff" + SIMPLIFIED.encode("utf-16-be"), "utf-16"),
    (SIMPLIFIED.encode("gb18030"), "gb18030"),
    (TRADITIONAL.encode("cp950"), "big5"),
]


def _refusal(data: bytes, named: str = "") -> ContractError:
    with pytest.raises(ContractError) as refused:
        decode_text(data, named)
    return refused.value


@pytest.mark.parametrize(("data", "encoding"), ENCODED)
def test_the_encoding_is_decided_by_the_rules(data: bytes, encoding: str) -> None:
    text, found = decode_text(data)

    assert found == encoding
    assert text in {SIMPLIFIED, TRADITIONAL}
    assert decode_text(data, encoding) == (text, encoding)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_every_text_format_is_read_in_every_encoding(tmp_path: Path, suffix: str, codec: str) -> None:
    fields = [*GOOD.split(",")[:-1], SIMPLIFIED]
    columns = HEADER.split(",")
    pairs = ", ".join(f'"{c}": "{v}"' for c, v in zip(columns, fields, strict=True))
    joint = "\t" if suffix == ".tsv" else ","
    table = f"{joint.join(columns)}\n{joint.join(fields)}\n"
    path = tmp_path / f"a{suffix}"
    path.write_bytes((f"{{{pairs}}}\n" if suffix == ".jsonl" else table).encode(codec))

    frame, rejected = read_all(path, CONTRACT)

    assert frame["text"].to_list() == [SIMPLIFIED]
    assert rejected.is_empty()
    assert FileConnector().open(path).facts == (("encoding", codec.removesuffix("-sig")),)


@pytest.mark.parametrize(
    ("data", "possible"),
    [
        ("王芳".encode("gb18030"), "gb18030, big5"),  # both decode, too little text to tell
        ("王小明".encode("cp950"), "gb18030, big5"),
        (TRADITIONAL.encode("gb18030"), "gb18030"),  # decodes, but few characters are frequent in GB 2312
        (b"caf\xe9\n", "none"),
        (b"\xff\x80\x81", "none"),
    ],
)
def test_what_nothing_proves_is_refused_with_what_is_possible(data: bytes, possible: str) -> None:
    error = _refusal(data)

    assert error.fields["possible"] == possible
    assert "--encoding" in error.reason


def _either() -> bytes:
    """Bytes that are frequent characters in GB 2312 and in Big5 alike."""
    return bytes(b for n in range(0xA1, 0xF0) for b in (0xB0 + n % 16, n))


def test_bytes_that_are_plausible_in_both_are_refused_until_one_is_named() -> None:
    data = _either()
    assert _refusal(data).fields["possible"] == "gb18030, big5"

    gb, big5 = (decode_text(data, name) for name in ("gb18030", "big5"))

    assert (gb.encoding, big5.encoding) == ("gb18030", "big5")
    assert gb.text != big5.text


@pytest.mark.parametrize(
    ("data", "named", "word"),
    [
        (SIMPLIFIED.encode(), "latin-1", "no such encoding"),
        (SIMPLIFIED.encode("utf-8-sig"), "gb18030", "mark"),
        (SIMPLIFIED.encode("utf-16"), "utf-8", "mark"),
        (SIMPLIFIED.encode("utf-16-le"), "utf-16", "mark"),
        (SIMPLIFIED.encode("gb18030"), "utf-8", "not UTF-8"),
        (TRADITIONAL.encode("gb18030"), "big5", "not BIG5"),
        (SIMPLIFIED.encode("utf-16")[:-1], "", "not UTF-16"),
        ("a\x00b".encode("utf-16"), "", "NUL"),
        (SIMPLIFIED.encode("utf-32"), "", "NUL"),
        (b"a\x00b", "gb18030", "NUL"),
    ],
)
def test_a_named_or_marked_encoding_is_held_to_the_file(data: bytes, named: str, word: str) -> None:
    assert word in _refusal(data, named).reason


def test_parquet_has_no_encoding_to_name(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert FileConnector().open(tmp_path / "a.parquet").facts == ()
    with pytest.raises(ContractError):
        FileConnector().open(tmp_path / "a.parquet", encoding="gb18030")


WRONG = [
    (codec, text)
    for codec in ("latin-1", "cp1252", "gb18030")
    for text in ("王芳", "客户来电", "你好，世界。", "a 客户 b")
] + [("latin-1", "é"), ("latin-1", "王")]


@pytest.mark.parametrize(("codec", "text"), [*WRONG, ("ascii", "王芳")])
def test_mojibake_is_set_aside_and_not_repaired(tmp_path: Path, codec: str, text: str) -> None:
    broken = text.encode().decode(codec, errors="replace")
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n{GOOD.replace('hello', broken)}\n", encoding="utf-8")

    frame, rejected = read_all(path, CONTRACT)

    assert frame.height == 1
    assert rejected.select("_row", "rule", "column").rows() == [(2, "mojibake", "text")]


@pytest.mark.parametrize(
    "text",
    [SIMPLIFIED, TRADITIONAL, "王芳", "欧阳璐", "café", "Ångström", "naïve façade", "São João", "璐瑾璇"],
)
def test_real_text_is_no_mojibake(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{GOOD.replace('hello', text)}\n", encoding="utf-8")

    assert read_all(path, CONTRACT)[0]["text"].to_list() == [text]
