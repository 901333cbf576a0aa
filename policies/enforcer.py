"""The decision point: may this actor do this, on data of this class, for this purpose, under these facts?

Deny unless a rule allows; a deny rule wins over every allow; any error is a deny with reason ``error``.
Casbin evaluates the rules. Around it stand the things it does not do by itself: typed requests, a sandbox
with four functions and nothing else, a matcher that is parsed once (parsing it in several threads at once
fails now and then on CPython 3.11), no log of request values, no switch that turns it off.

An ``Enforcer`` never changes. New rules are a new ``Enforcer``; whoever holds the reference swaps it.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import casbin
from casbin.util.expression import SimpleEval

from policies.errors import EnforcementSwitchError
from policies.model import (
    ANY_PURPOSE,
    CLASSES,
    NO_PURPOSE,
    AccessRequest,
    Decision,
    PolicyBundle,
    Rule,
)

_SEPARATOR: Final = "|"


class _Casbin(casbin.Enforcer):  # type: ignore[misc] # casbin has no type information
    """Casbin with the matcher parsed once and a fresh evaluator per decision."""

    def __init__(self, bundle: PolicyBundle) -> None:
        model = casbin.Model()
        model.load_model_from_text(bundle.matcher)
        for rule in bundle.rules:
            model.add_policy("p", "p", _row(rule))
        self._parsed = ast.parse(model["m"]["m"].value.replace("&&", "and").strip(), mode="eval").body
        super().__init__(model)
        self.logger = logging.getLogger("policies.casbin")
        self.logger.setLevel(logging.CRITICAL + 1)  # casbin would log the values of refused requests

    def _get_expression(self, _expr: str, _functions: object = None) -> SimpleEval:
        evaluator = SimpleEval("", dict(_FUNCTIONS))
        evaluator.ast_parsed_value = self._parsed
        return evaluator

    def enable_enforce(self, enabled: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - casbin's
        """Refused: casbin allows everything while it is off."""
        raise EnforcementSwitchError


class Enforcer:
    """``decide`` is the only way to a permission. Safe to share between threads."""

    def __init__(self, bundle: PolicyBundle) -> None:
        if not bundle.rules:
            raise ValueError("a bundle without rules")
        self._bundle = bundle
        self._casbin = _Casbin(bundle)

    @property
    def bundle(self) -> PolicyBundle:
        """The rules that decide."""
        return self._bundle

    def decide(self, request: AccessRequest) -> Decision:
        """Allow or deny, with the rule or the reason. Never raises."""
        try:
            _check_types(request)
            return self._decide(request)
        except Exception:  # noqa: BLE001 - whatever went wrong, the answer is no
            return self._decision(reason="error")

    def _decide(self, request: AccessRequest) -> Decision:
        if request.purpose and request.purpose not in self._bundle.purposes:
            return self._decision(reason="purpose_not_granted")
        allowed, row = self._casbin.enforce_ex(
            request.roles,
            request.resource,
            request.action,
            request.data_class,
            request.purpose,
            request.facts,
        )
        matched = next((rule for rule in self._bundle.rules if row and rule.id == row[0]), None)
        if allowed is True and matched is not None and matched.eft == "allow":
            return self._decision(allow=True, rule=matched, reason="allowed")
        if matched is not None and matched.eft == "deny":
            return self._decision(rule=matched, reason="denied_by_rule")
        return self._decision(reason=_nearest_miss(self._bundle, request))

    def _decision(self, *, reason: str, allow: bool = False, rule: Rule | None = None) -> Decision:
        return Decision(
            allow=allow,
            rule=rule.id if rule else "",
            role=rule.role if rule else "",
            reason=reason,
            policy=self._bundle.digest,
        )


def _row(rule: Rule) -> list[str]:
    """The fields in their order, which is that of ``policy_definition`` in ``access/model.conf``."""
    return list((asdict(rule) | {"purposes": _SEPARATOR.join(rule.purposes)}).values())


def _check_types(request: AccessRequest) -> None:
    """A list of roles that is a string would match by substring; nothing but the exact types gets in."""
    texts = (request.actor, request.resource, request.action, request.data_class, request.purpose)
    sets = (request.roles, request.facts)
    if not all(type(text) is str for text in texts) or not all(type(items) is frozenset for items in sets):
        raise TypeError("malformed request")
    if request.data_class not in CLASSES:
        raise ValueError("unknown data class")


def _nearest_miss(bundle: PolicyBundle, request: AccessRequest) -> str:
    """Why nothing allowed it: the first predicate that fails in the rule that came closest."""
    misses = []
    for rule in bundle.rules:
        same = (rule.resource, rule.action, rule.eft) == (request.resource, request.action, "allow")
        if same and rule.role in request.roles:
            failed = [
                reason
                for reason, holds in (
                    ("purpose_not_granted", _purpose_in(request.purpose, _SEPARATOR.join(rule.purposes))),
                    ("class_too_high", _class_within(request.data_class, rule.max_class)),
                    ("condition_failed", _holds(rule.condition, request.facts)),
                )
                if not holds
            ]
            misses.append(failed)
    return min(misses, key=len)[0] if misses else "no_rule"


def _has_role(roles: frozenset[str], role: str) -> bool:
    return role in roles


def _class_within(data_class: str, max_class: str) -> bool:
    return CLASSES.index(data_class) <= CLASSES.index(max_class)


def _purpose_in(purpose: str, purposes: str) -> bool:
    return purposes == ANY_PURPOSE or (purpose or NO_PURPOSE) in purposes.split(_SEPARATOR)


def _holds(condition: str, facts: frozenset[str]) -> bool:
    return condition == "none" or condition in facts


#: All that the matcher can call.
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "has_role": _has_role,
    "class_within": _class_within,
    "purpose_in": _purpose_in,
    "holds": _holds,
}
