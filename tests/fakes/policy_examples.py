"""The worked examples of the rules, ``policies/examples/*.yaml``: read strictly, then decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from policies.enforcer import Enforcer
from policies.loader import read_files
from policies.model import AccessRequest, PolicyBundle
from policies.schema import Name, Permission, Shape, Text
from policies.strict_yaml import read_yaml


class ExampleRequest(Shape):
    """What is asked in an example."""

    roles: list[Name]
    permission: Permission
    data_class: str = "C1"
    purpose: str = ""
    facts: list[Name] = Field(default_factory=list)


class Example(Shape):
    """A request with the decision it must get."""

    name: Text
    request: ExampleRequest
    decision: Literal["allow", "deny"]
    reason: Text


class ExamplesFile(Shape):
    """``examples/*.yaml``."""

    examples: list[Example] = Field(min_length=1)


def load_examples() -> tuple[Example, ...]:
    """The worked examples, in file order. Raises PolicyError."""
    files = read_files()
    names = sorted(name for name in files if name.startswith("examples/"))
    return tuple(example for name in names for example in read_yaml(name, files[name], ExamplesFile).examples)


def failing_examples(bundle: PolicyBundle, examples: Iterable[Example]) -> tuple[str, ...]:
    """The examples that the rules decide otherwise, each with what was decided."""
    enforcer, failing = Enforcer(bundle), []
    for example in examples:
        decision = enforcer.decide(_request(example.request))
        got = ("allow" if decision.allow else "deny", decision.reason)
        if got != (example.decision, example.reason):
            failing.append(f"{example.name}: {got[0]}, {got[1]}")
    return tuple(failing)


def _request(asked: ExampleRequest) -> AccessRequest:
    """Asked by a made-up user."""
    resource, _, action = asked.permission.partition(":")
    return AccessRequest(
        actor="user:example",
        roles=frozenset(asked.roles),
        resource=resource,
        action=action,
        data_class=asked.data_class,
        purpose=asked.purpose,
        facts=frozenset(asked.facts),
    )
