"""``access/policy.csv``: one access rule a line, eight fields, no quotes, no cleverness.

Casbin's own reader skips what it does not understand: a rule spelt ``Deny``, a line behind a byte order mark
or a short line is ignored, and what it should have forbidden is allowed. Here any of it is an error.
A line that starts with ``#`` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Literal, cast

from policies.errors import PolicyError
from policies.model import ANY_PURPOSE, CLASSES, CONDITIONS, NO_PURPOSE, Rule
from policies.strict_yaml import decode

FILE: Final = "access/policy.csv"
HEADER: Final = "id,role,resource,action,max_class,purposes,condition,eft"
MAX_RULES: Final = 200  # a decision looks at every rule
_FIELD: Final = re.compile(r"[a-z][a-z0-9_-]*")


def parse_rules(
    data: bytes, *, roles: Collection[str], permissions: Collection[str], purposes: Collection[str]
) -> tuple[Rule, ...]:
    """All rules in file order.

    Args:
        data: bytes of the file.
        roles: roles that exist.
        permissions: every ``noun:verb`` that exists.
        purposes: purpose codes that exist.

    Raises:
        PolicyError: at the first line that is not exactly a rule.
    """
    lines = decode(FILE, data).split("\n")
    if lines[0] != HEADER:
        raise PolicyError(FILE, 1, f"the first line must be {HEADER}")
    rules: dict[str, Rule] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line or line.startswith("#"):
            continue
        try:
            rule = _rule(line, roles, permissions, purposes)
        except ValueError as error:
            raise PolicyError(FILE, number, str(error)) from None
        if rule.id in rules:
            raise PolicyError(FILE, number, f"rule id twice: {rule.id}")
        rules[rule.id] = rule
    if not 0 < len(rules) <= MAX_RULES:
        raise PolicyError(FILE, 0, f"must hold 1 to {MAX_RULES} rules")
    return tuple(rules.values())


def _rule(line: str, roles: Collection[str], permissions: Collection[str], purposes: Collection[str]) -> Rule:
    fields = line.split(",")
    if len(fields) != HEADER.count(",") + 1:
        raise ValueError(f"{len(fields)} fields instead of {HEADER.count(',') + 1}")
    identity, role, resource, action, max_class, granted, condition, eft = fields
    for value in (identity, role, resource, action, condition):
        if not _FIELD.fullmatch(value):
            raise ValueError(f"not a name: {value!r}")
    _known("role", role, roles)
    _known("permission", f"{resource}:{action}", permissions)
    _known("data class", max_class, CLASSES)
    _known("condition", condition, CONDITIONS)
    _known("effect", eft, ("allow", "deny"))
    return Rule(
        id=identity,
        role=role,
        resource=resource,
        action=action,
        max_class=max_class,
        purposes=_purposes(granted, purposes, narrow=eft == "allow" and max_class != CLASSES[0]),
        condition=condition,
        eft=cast("Literal['allow', 'deny']", eft),
    )


def _known(what: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise ValueError(f"unknown {what}: {value!r}")


def _purposes(text: str, known: Collection[str], *, narrow: bool) -> tuple[str, ...]:
    if text == ANY_PURPOSE:
        if narrow:
            raise ValueError("'*' may not allow personal data: name the purposes")
        return (ANY_PURPOSE,)
    codes = tuple(text.split("|"))
    for code in codes:
        _known("purpose", code, (*known, NO_PURPOSE))
    if len(set(codes)) != len(codes):
        raise ValueError("purpose twice")
    return codes
