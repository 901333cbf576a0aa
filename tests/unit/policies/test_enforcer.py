"""The decision point fails closed, whatever it is given and however it is called."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import replace
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import casbin
import pytest
from casbin.util.log import configure_logging, disabled_logging
from hypothesis import given
from hypothesis import strategies as st
from mutants.casbin_file_reader import is_allowed

from policies.enforcer import Enforcer
from policies.errors import EnforcementSwitchError
from policies.loader import MODEL, load_policies
from policies.model import AccessRequest, PolicyBundle

BUNDLE = load_policies()
ENFORCER = Enforcer(BUNDLE)
ROOT = Path(__file__).resolve().parents[3]


def request(**changes: Any) -> AccessRequest:
    values: dict[str, Any] = {
        "actor": "user:ann",
        "roles": frozenset({"analyst"}),
        "resource": "aggregate",
        "action": "request",
        "data_class": "C2",
        "purpose": "regulatory_reporting",
        "facts": frozenset(),
    }
    return AccessRequest(**(values | changes))


def test_a_decision_names_rule_role_reason_and_policy() -> None:
    decision = ENFORCER.decide(request())
    assert (decision.allow, decision.rule, decision.role) == (True, "analyst-aggregate-request", "analyst")
    assert decision.policy == BUNDLE.digest
    refused = ENFORCER.decide(request(roles=frozenset({"analyst", "admin"})))
    assert (refused.allow, refused.rule, refused.role) == (False, "admin-never-aggregate-request", "admin")


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": "analyst"},
        {"roles": ["analyst"]},
        {"roles": None},
        {"facts": "not_requester"},
        {"purpose": None},
        {"resource": None},
        {"action": 1},
        {"data_class": "C9"},
        {"data_class": ""},
        {"actor": None},
    ],
)
def test_a_malformed_request_is_denied(changes: dict[str, Any]) -> None:
    decision = ENFORCER.decide(request(**changes))
    assert (decision.allow, decision.reason) == (False, "error")


def test_something_that_is_no_request_is_denied() -> None:
    nothing: Any = None
    assert not ENFORCER.decide(nothing).allow


@pytest.mark.parametrize("purpose", ["-", "*", "regulatory_reporting|x", "Regulatory_reporting", "analyst"])
def test_a_purpose_that_is_not_declared_is_not_granted(purpose: str) -> None:
    for permission in (("aggregate", "request"), ("budget", "read")):
        asked = request(purpose=purpose, resource=permission[0], action=permission[1], data_class="C1")
        assert ENFORCER.decide(asked).reason == "purpose_not_granted"


@given(
    st.builds(
        AccessRequest,
        actor=st.text(),
        roles=st.frozensets(st.sampled_from(sorted(BUNDLE.roles)) | st.text()),
        resource=st.text() | st.sampled_from(["aggregate", "*", "rights"]),
        action=st.text() | st.sampled_from(["read", "*", "request\n"]),
        data_class=st.text() | st.sampled_from(["C1", "C2", "C3"]),
        purpose=st.text() | st.sampled_from(sorted(BUNDLE.purposes)),
        facts=st.frozensets(st.text()),
    )
)
def test_nothing_is_allowed_without_a_rule_that_says_so(asked: AccessRequest) -> None:
    decision = ENFORCER.decide(asked)
    granted = [
        rule
        for rule in BUNDLE.rules
        if rule.eft == "allow" and rule.role in asked.roles
        if (rule.resource, rule.action) == (asked.resource, asked.action)
    ]
    assert not decision.allow or decision.rule in {rule.id for rule in granted}


def test_a_rule_for_another_permission_does_not_help() -> None:
    for path in ("../aggregate", "aggregate/", "aggregate\n", "AGGREGATE", "%"):
        assert not ENFORCER.decide(request(resource=path)).allow


def test_rules_are_needed() -> None:
    with pytest.raises(ValueError, match="without rules"):
        Enforcer(replace(BUNDLE, rules=()))


def test_a_broken_matcher_denies_everything() -> None:
    broken = replace(BUNDLE, matcher=BUNDLE.matcher.replace("has_role(", "no_such_function("))
    decision = Enforcer(broken).decide(request())
    assert (decision.allow, decision.reason) == (False, "error")


def test_the_matcher_can_call_four_functions_and_nothing_else() -> None:
    for call in ("regexMatch(r.purpose, p.role)", "keyMatch(r.purpose, p.role)", "eval(p.role)", "rand()"):
        wide = replace(BUNDLE, matcher=BUNDLE.matcher.replace("r.action == p.action", call))
        assert Enforcer(wide).decide(request()).reason == "error"


def test_casbin_cannot_be_switched_off() -> None:
    with pytest.raises(EnforcementSwitchError):
        Enforcer(BUNDLE)._casbin.enable_enforce(enabled=False)
    users = [
        path.relative_to(ROOT).as_posix()
        for package in ("audit", "privacy", "policies", "service")
        for path in (ROOT / package).rglob("*.py")
        if "import casbin" in path.read_text(encoding="utf-8")
    ]
    assert users == ["policies/enforcer.py"]


def test_request_values_are_not_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plain = casbin.Enforcer(*(str(path) for path in write_policy(tmp_path, BUNDLE, ALLOW)))
    logger = logging.getLogger("casbin.enforcer")
    configure_logging()  # somebody turns casbin's logging on
    logger.disabled = False
    secret = "13800138000"
    try:
        assert not plain.enforce("analyst", "aggregate", secret, "C2", "", "")
        assert secret in capfd.readouterr().err
        assert not ENFORCER.decide(request(action=secret)).allow
        assert secret not in "".join(capfd.readouterr())
    finally:
        disabled_logging()


def test_threads_that_share_an_enforcer_get_right_answers() -> None:
    wrong: list[str] = []

    def work(*, allowed: bool) -> None:
        asked = request() if allowed else request(purpose="credit_scoring")
        for _ in range(150):
            decision = ENFORCER.decide(asked)
            if decision.allow is not allowed or decision.reason == "error":
                wrong.append(decision.reason)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, kwargs={"allowed": number % 2 == 0}) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


def test_swapping_the_rules_leaves_the_old_decision_point_as_it_was() -> None:
    stricter = replace(BUNDLE, rules=BUNDLE.rules[:1], digest="sha256:new")
    new = Enforcer(stricter)
    assert ENFORCER.decide(request()).allow
    assert not new.decide(request()).allow
    assert new.decide(request()).policy == "sha256:new"


def write_policy(directory: Path, bundle: PolicyBundle, *rows: str) -> tuple[Path, Path]:
    model, policy = directory / "model.conf", directory / "policy.csv"
    model.write_text(bundle.matcher.split("[matchers]")[0] + "[matchers]\nm = r.action == p.action\n")
    policy.write_bytes("\n".join(rows).encode())
    return model, policy


ALLOW = "p, a, analyst, aggregate, run, C2, *, none, allow"


@pytest.mark.parametrize(
    "deny", ["p, d, x, aggregate, run, C2, *, none, Deny", "P, d, x, aggregate, run, C2, *, none, deny"]
)
def test_casbins_own_reader_would_lose_a_misspelt_deny(tmp_path: Path, deny: str) -> None:
    asked = ("analyst", "aggregate", "run", "C2", "", "")
    good = write_policy(tmp_path, BUNDLE, ALLOW, "p, d, x, aggregate, run, C2, *, none, deny")
    assert not is_allowed(*good, *asked)
    assert is_allowed(*write_policy(tmp_path, BUNDLE, ALLOW, deny), *asked)


def test_exactly_one_distribution_owns_casbin() -> None:
    owners = {
        distribution.name
        for distribution in distributions()
        if any(file.parts[0] == "casbin" for file in distribution.files or ())
    }
    assert owners == {"pycasbin"}
    assert "casbin" not in {distribution.name for distribution in distributions()}
    assert hasattr(casbin.Enforcer, "add_policies_ex")
    assert tuple(int(part) for part in version("simpleeval").split(".")) >= (1, 0, 8)


def test_the_model_allows_only_what_a_rule_allows() -> None:
    text = (ROOT / "policies" / MODEL).read_text(encoding="utf-8")
    assert "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))" in text
    assert "||" not in text
    assert "eval" not in text
