"""Load a data contract from a YAML file: plain data only, so what a person reads is what is meant.

PyYAML's safe loader makes no objects, but three things of YAML remain that hide meaning or cost memory, and
all are refused: anchors with aliases (a few hundred bytes can stand for gigabytes), merge keys, and
duplicate keys (the last one would win silently).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from service.adapters.connectors.source import read_bytes
from service.domain.contracts import DatasetContract
from service.domain.odcs import canonical_json, parse_contract
from service.errors import ContractError

MAX_BYTES: Final = 256 * 1024


def load_contract(path: Path) -> tuple[DatasetContract, str]:
    """Read and check a contract.

    Args:
        path: a ``.yaml``, ``.yml`` or ``.json`` file.

    Returns:
        The contract and its document as canonical JSON, from which ``parse_contract(json.loads(...))``
        makes the same contract again.

    Raises:
        ContractError: with ``line`` (of the file) or ``at`` (a JSON pointer).
    """
    document = parse_yaml(read_bytes(path, limit=MAX_BYTES))
    return parse_contract(document), canonical_json(document)


def parse_yaml(data: bytes) -> Mapping[str, object]:
    """One YAML document that is a mapping of plain data. Raises ContractError with the line."""
    try:
        document = yaml.load(data.decode("utf-8"), Loader=_PlainLoader)  # noqa: S506  a SafeLoader, made stricter
    except UnicodeDecodeError as error:
        raise ContractError("the contract is not UTF-8", byte=error.start) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ContractError("the contract is not plain YAML", line=mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ContractError("the contract is not plain YAML") from None
    if not isinstance(document, dict):
        raise ContractError("a contract is a mapping", at="/")
    return document


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader without anchors, aliases, merge keys and duplicate keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave the parser untyped
        if getattr(event, "anchor", None) is not None:
            raise yaml.composer.ComposerError(None, None, "anchors are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002  PyYAML's signature
        seen: set[object] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str" or key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key twice or not text", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
