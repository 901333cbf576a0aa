"""YAML as strict as a contract: known keys only, no key twice, no anchors, and every complaint has a line.

YAML lets a second ``deny:`` silently replace the first, and an alias pull in text from elsewhere; both are
refused here. The shape is a pydantic model; a finding is traced back to its line through the node tree.
"""

from __future__ import annotations

from typing import Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from policies.errors import PolicyError

M = TypeVar("M", bound=BaseModel)

_EXTRAS: Final = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)


def decode(file: str, data: bytes) -> str:
    """The file's text. Raises PolicyError for a byte order mark, other encodings and CR line ends."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise PolicyError(file, 1, "byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(file, data.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    if "\r" in text:
        raise PolicyError(file, text.count("\n", 0, text.index("\r")) + 1, "carriage return")
    return text


def read_yaml(file: str, data: bytes, shape: type[M]) -> M:
    """The document in its shape. Raises PolicyError."""
    text = decode(file, data)
    try:
        extras = [t for t in yaml.scan(text, Loader=yaml.SafeLoader) if isinstance(t, _EXTRAS)]
        if extras:
            raise yaml.MarkedYAMLError(problem="anchor, alias or tag", problem_mark=extras[0].start_mark)  # noqa: TRY301
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError(file, mark.line + 1 if mark else 0, error.problem or "not YAML") from None
    except (yaml.YAMLError, ValueError):
        raise PolicyError(file, 0, "not YAML") from None
    if root is None:
        raise PolicyError(file, 1, "empty")
    _refuse_twice(file, root)
    try:
        return shape.model_validate(document, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        first = next(
            (f for f in found if f["type"] == "extra_forbidden"), found[0]
        )  # a misspelt key, most likely
        where = ".".join(str(part) for part in first["loc"])
        raise PolicyError(file, _line(root, first["loc"]), f"{where}: {first['msg']}") from None


def _refuse_twice(file: str, node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(file, item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise PolicyError(file, key.start_mark.line + 1, f"key twice: {key.value}")
            seen.add(key.value)
            _refuse_twice(file, value)


def _line(root: yaml.Node, location: tuple[str | int, ...]) -> int:
    """Line of the deepest node on the way to a pydantic location."""
    node, line = root, root.start_mark.line
    for part in location:
        step = None
        if isinstance(node, yaml.MappingNode):
            step = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            step = (node.value[part], node.value[part])
        if step is None:
            break
        line, node = step[0].start_mark.line, step[1]
    return int(line) + 1
