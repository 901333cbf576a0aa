from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from fakes.contracts import make_document

from service.adapters.connectors.contract_file import MAX_BYTES, load_contract, parse_yaml
from service.demo.generate import CONTRACTS, DATASETS
from service.domain.odcs import parse_contract
from service.errors import ContractError


def test_a_contract_file_gives_the_contract_and_its_document(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(make_document()), encoding="utf-8")

    contract, document = load_contract(path)

    assert contract == parse_contract(make_document())
    assert parse_contract(json.loads(document)) == contract


@pytest.mark.parametrize("name", DATASETS)
def test_the_contracts_of_the_demo_are_valid(name: str) -> None:
    contract, _ = load_contract(CONTRACTS / f"{name}.yaml")

    assert contract.name == name


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: &x [1]\nb: 2\n", 1),
        ("a: {b: 1}\nc:\n  <<: {d: 1}\n", 3),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2),
        ("a: [1, 2\nb: 3", 2),
        ("1: a\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
    ],
    ids=["key_twice", "anchor", "merge", "tag", "syntax", "number_as_key", "two_documents"],
)
def test_yaml_that_hides_something_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ContractError) as refused:
        parse_yaml(text.encode())

    assert refused.value.fields["line"] == line


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )

    with pytest.raises(ContractError):
        parse_yaml(bomb.encode())


@pytest.mark.parametrize("text", ["- a\n", "plain", "a: " + "[" * 5000, "a: \x01"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        parse_yaml(text.encode())


def test_another_encoding_is_refused_with_the_byte() -> None:
    with pytest.raises(ContractError) as refused:
        parse_yaml("a: 张".encode("gb18030"))

    assert refused.value.fields["byte"] == 3


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))

    with pytest.raises(ContractError, match="too large"):
        load_contract(path)
