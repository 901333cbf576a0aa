"""Rule files are read strictly: whatever is not exactly right is refused with file, line and reason."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.policy_examples import load_examples
from hypothesis import given
from hypothesis import strategies as st

from policies import loader
from policies.errors import PolicyError
from policies.lint import conflicting_roles, lint
from policies.loader import Files, digest, load_policies, parse_policies, read_files
from policies.rules import HEADER, parse_rules

FILES = read_files()
CSV = "access/policy.csv"
GOOD = "a,analyst,aggregate,run,C2,credit_scoring,none,allow"


def edited(file: str, old: str, new: str) -> Files:
    """The shipped files with one edit."""
    text = FILES[file].decode()
    assert old in text
    return {**FILES, file: text.replace(old, new, 1).encode()}


def line_of(file: str, text: str) -> int:
    return FILES[file].decode().split(text)[0].count("\n") + 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,analyst,aggregate,run,C2,credit_scoring,none", "7 fields"),
        ("a,analyst,aggregate,run,C2,credit_scoring,none,allow,x", "9 fields"),
        ("a,analyst,aggregate,run,C2,credit_scoring,none,Deny", "unknown effect"),
        ("a,analyst,aggregate,run,C2,credit_scoring,none,", "unknown effect"),
        ("a,analyst,aggregate,run,C2,credit_scoring,none,deny # not for long", "unknown effect"),
        ("a,analyst,aggregate,run,C2,credit_scoring,none, allow", "unknown effect"),
        ("a,analyts,aggregate,run,C2,credit_scoring,none,allow", "unknown role"),
        ("a,*,aggregate,run,C2,credit_scoring,none,allow", "not a name"),
        ("a,analyst,*,run,C2,credit_scoring,none,allow", "not a name"),
        ("a,analyst,aggregate,*,C2,credit_scoring,none,allow", "not a name"),
        ("a,analyst,aggregate,delete,C2,credit_scoring,none,allow", "unknown permission"),
        ("a,analyst,aggregate,run,C9,credit_scoring,none,allow", "unknown data class"),
        ("a,analyst,aggregate,run,*,credit_scoring,none,allow", "unknown data class"),
        ("a,analyst,aggregate,run,C2,marketing,none,allow", "unknown purpose"),
        ("a,analyst,aggregate,run,C2,credit_scoring|,none,allow", "unknown purpose"),
        ("a,analyst,aggregate,run,C2,,none,allow", "unknown purpose"),
        ("a,analyst,aggregate,run,C2,credit_scoring|*,none,allow", "unknown purpose"),
        ("a,analyst,aggregate,run,C2,-|-,none,allow", "purpose twice"),
        ("a,analyst,aggregate,run,C2,*,none,allow", "may not allow personal data"),
        ("a,analyst,aggregate,run,C2,credit_scoring,office_hours,allow", "unknown condition"),
        ("a,analyst,aggregate,run,C2,credit_scoring,,allow", "not a name"),
        ('"a",analyst,aggregate,run,C2,credit_scoring,none,allow', "not a name"),
        ("p,a,analyst,aggregate,run,C2,credit_scoring,none,allow", "9 fields"),
        ("ａ,analyst,aggregate,run,C2,credit_scoring,none,allow", "not a name"),
        (" # late comment", "1 fields"),
    ],
)
def test_a_line_that_is_not_exactly_a_rule_is_refused(line: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason) as refused:
        parse_policies({**FILES, CSV: f"{HEADER}\n{GOOD.replace('a,', 'first,', 1)}\n{line}\n".encode()})
    assert (refused.value.file, refused.value.line) == (CSV, 3)


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (f"\ufeff{HEADER}\n{GOOD}\n".encode(), 1, "byte order mark"),
        (f"{HEADER}\r\n{GOOD}\r\n".encode(), 1, "carriage return"),
        (f"{HEADER}\n{GOOD}\n".encode() + b"\xff", 3, "not UTF-8"),
        (f"{GOOD}\n".encode(), 1, "first line"),
        (f"{HEADER}\n{GOOD}\n{GOOD}\n".encode(), 3, "rule id twice"),
        (f"{HEADER}\n".encode(), 0, "1 to 200 rules"),
        (b"", 1, "first line"),
        ("\n".join([HEADER, *(f"r{n}{GOOD}" for n in range(201))]).encode(), 0, "1 to 200 rules"),
    ],
)
def test_a_rule_file_that_is_not_clean_is_refused(data: bytes, line: int, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason) as refused:
        parse_policies({**FILES, CSV: data})
    assert (refused.value.file, refused.value.line) == (CSV, line)


@given(
    st.lists(
        st.sampled_from([*GOOD.split(","), "*", "-", "C1", "deny", "", " ", "#", '"', "a|b"]), max_size=9
    )
)
def test_a_rule_is_read_back_exactly_or_refused(fields: list[str]) -> None:
    line = ",".join(fields)
    known = {"roles": {"analyst"}, "permissions": {"aggregate:run"}, "purposes": {"credit_scoring"}}
    try:
        (rule,) = parse_rules(f"{HEADER}\n{line}\n".encode(), **known)
    except PolicyError:
        return
    again = [rule.id, rule.role, rule.resource, rule.action, rule.max_class, "|".join(rule.purposes)]
    assert ",".join([*again, rule.condition, rule.eft]) == line


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "reason"),
    [
        ("purposes.yaml", "    basis: contract", "    bases: contract", "    basis: contract", "bases"),
        ("purposes.yaml", "    basis: contract", "    basis: because", "    basis: contract", "basis"),
        (
            "purposes.yaml",
            "consent_kind: separate",
            "consent_kind: strong",
            "consent_kind: separate",
            "consent_kind",
        ),
        (
            "purposes.yaml",
            "automated_decision: true",
            "automated_decision: 1",
            "automated_decision: true",
            "boolean",
        ),
        (
            "purposes.yaml",
            "automated_decision: true",
            "law: x",
            "    law: PIPL 13(1) 1; PIPL 24(3)",
            "key twice",
        ),
        ("retention.yaml", "    keep_days: 3653", "    keep_days: '3650'", "    keep_days: 3653", "integer"),
        ("retention.yaml", "    keep_days: 3653", "    keep_days: -1", "    keep_days: 3653", "greater than"),
        ("retention.yaml", "outcome: restrict", "outcome: keep", "outcome: restrict", "outcome"),
        ("budgets.yaml", "rho: 150000", "rho: 1.5", '"dataset:customers"', "integer"),
        ("budgets.yaml", "rho: 150000", "rho: 0", '"dataset:customers"', "greater than 0"),
        ("budgets.yaml", "dataset:customers", "user:ann", '"dataset:customers"', "pattern"),
        ("datamap.yaml", "vault:card: card", "vault/card: card", "vault:card", "pattern"),
        ("datamap.yaml", "vault:card: card", "vault:card: }", "vault:card", "expected"),
        ("datamap.yaml", "vault:card: card", "vault:card: &x card", "vault:card", "anchor"),
        ("datamap.yaml", "vault:card: card", "vault:card: !!python/name:os card", "vault:card", "tag"),
        (
            "jurisdictions/cn_pipl.yaml",
            "rights_request: 15",
            "rights_request: 0",
            "  rights_request",
            "greater",
        ),
        ("jurisdictions/eu_gdpr.yaml", "hours: 72", "hours: 8785", "    hours", "less than or equal"),
    ],
)
def test_a_yaml_file_that_says_something_unknown_is_refused(
    file: str, old: str, new: str, at: str, reason: str
) -> None:
    with pytest.raises(PolicyError, match=reason) as refused:
        parse_policies(edited(file, old, new))
    assert (refused.value.file, refused.value.line) == (file, line_of(file, at))


def test_a_law_says_what_must_be_told_of_a_breach_be_it_nothing() -> None:
    file = "jurisdictions/eu_gdpr.yaml"
    block = FILES[file].decode().split("notices:")[1].split("clauses:")[0]
    with pytest.raises(PolicyError, match="required"):
        parse_policies(edited(file, f"notices:{block}", ""))
    assert parse_policies(edited(file, f":{block}", ": []\n")).jurisdictions["eu_gdpr"].notices == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("access/model.conf", "!some", "some", "not the model"),
        ("access/roles.yaml", "[admin, data_steward]", "[admin, nobody]", "unknown role"),
        ("access/roles.yaml", "[admin, data_steward]", "[admin, admin]", "apart from itself"),
        ("access/roles.yaml", "    - dataset:ingest", "    - dataset:read", "unknown role or permission"),
        ("purposes.yaml", "    consent_kind: plain\n", "", "consent_kind goes with"),
        ("retention.yaml", "    keep_days: 3653\n", "", "keep_days goes with"),
        ("datamap.yaml", "vault:card: card", "vault:card: cards", "no retention rule"),
        ("budgets.yaml", "dataset:customers", "dataset:nothing", "unknown scope"),
        ("budgets.yaml", "dataset:customers", "dataset:statements", "scope twice"),
        (
            "jurisdictions/cn_pipl.yaml",
            "working_days: [rights_request]",
            "working_days: [x]",
            "unknown clock",
        ),
        ("jurisdictions/cn_pipl.yaml", "grade: larger", "grade: large", "grade: large$"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(file: str, old: str, new: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason) as refused:
        parse_policies(edited(file, old, new))
    assert refused.value.file == file


def test_an_empty_yaml_file_is_refused() -> None:
    with pytest.raises(PolicyError, match="empty"):
        parse_policies({**FILES, "budgets.yaml": b"# nothing\n"})


def test_files_nobody_reads_and_missing_files_are_refused(tmp_path: Path) -> None:
    source = Path(loader.__file__).parent
    shutil.copytree(source, tmp_path / "p")
    assert load_policies(tmp_path / "p").digest == load_policies().digest
    extra = tmp_path / "p" / "purposes.yml"
    extra.write_text("purposes: {}\n")
    with pytest.raises(PolicyError, match=r"purposes.yml: unknown file"):
        load_policies(tmp_path / "p")
    extra.unlink()
    (tmp_path / "p" / "budgets.yaml").unlink()
    with pytest.raises(PolicyError, match=r"budgets.yaml: missing"):
        load_policies(tmp_path / "p")
    with pytest.raises(PolicyError, match="missing"):
        load_policies(tmp_path / "nowhere")


def test_the_digest_changes_with_every_file() -> None:
    digests = {digest({**FILES, name: data + b"\n"}) for name, data in FILES.items()}
    assert len(digests | {digest(FILES)}) == len(FILES) + 1
    assert digest({**FILES, "a": b"bc"}) != digest({**FILES, "ab": b"c"})


def test_the_shipped_rules_have_no_findings_and_many_examples() -> None:
    assert lint(load_policies()) == ()
    assert len(load_examples()) > 20


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        ("datamap.yaml", "  vault:card: card\n", "", "retention class not in the data map: card"),
        (CSV, "not_requester,allow", "none,allow", "approval without not_requester"),
        (
            CSV,
            "admin-never-score-read,admin,score,read,C3,*,none,deny\n",
            "",
            "no deny rule keeps score:read",
        ),
        (CSV, "score,read,C3,*,none,deny", "score,read,C2,*,none,deny", "no deny rule keeps score:read"),
        (
            CSV,
            "risk-score-read,risk_officer,score,read,C2,credit_scoring,none,allow\n",
            "",
            "nobody has: score:read",
        ),
        (
            CSV,
            "steward-dataset-ingest",
            "twice,analyst,budget,read,C1,-,none,allow\nsteward-dataset-ingest",
            "one would",
        ),
        (
            CSV,
            "# Auditor",
            "x,privacy_officer,aggregate,request,C1,-,none,allow\n# Auditor",
            "one role asks and",
        ),
        (
            "access/roles.yaml",
            "  auditor: {en",
            "  guest: {en: Guest, zh: 访客}\n  auditor: {en",
            "role without a rule",
        ),
        ("access/roles.yaml", "[analyst, privacy_officer]", "[analyst, auditor]", "may be held together"),
        (
            "purposes.yaml",
            "  service_improvement:",
            "  idle:\n    basis: contract\n    title: {en: x, zh: x}\n    law: x\n  service_improvement:",
            "purpose without a rule: idle",
        ),
    ],
)
def test_the_lint_finds_gaps(file: str, old: str, new: str, finding: str) -> None:
    findings = lint(parse_policies(edited(file, old, new)))
    assert any(finding in each for each in findings)


def test_one_person_does_not_ask_and_approve() -> None:
    assert conflicting_roles(["analyst", "privacy_officer", "risk_officer"]) == ("analyst", "privacy_officer")
    assert conflicting_roles(["analyst", "modeller"]) == ()
    assert conflicting_roles(["admin"]) == ()
    bundle = load_policies()
    loose = replace(bundle, separation=replace(bundle.separation, apart=()))
    assert conflicting_roles(["analyst", "privacy_officer"], loose) == ()


def test_the_shipped_values_are_the_declared_ones() -> None:
    bundle = load_policies()
    assert bundle.retention["aml_record"].outcome == "restrict"
    assert bundle.retention["aml_record"].keep_days == 3653
    assert bundle.retention["aml_record"].covers == ("dataset:statements", "vault:identity")
    assert {code for code, rule in bundle.retention.items() if rule.outcome == "restrict"} == {"aml_record"}
    assert {rule.scope: rule.rho for rule in bundle.budgets} == {
        "dataset:customers": 150_000,
        "dataset:statements": 150_000,
        "dataset:app_events": 150_000,
        "dataset:partner_holdings": 150_000,
        "actor:*": 100_000,
    }
    assert bundle.purposes["credit_scoring"].automated_decision
    assert bundle.purposes["regulatory_reporting"].consent_kind == ""
    assert bundle.jurisdictions["cn_pipl"].clocks["rights_request"] == 15
    assert "rights_request" in bundle.jurisdictions["cn_pipl"].working_days
    assert bundle.jurisdictions["eu_gdpr"].clocks["rights_request"] == 30
    notices = [n for law in bundle.jurisdictions.values() for n in law.notices]
    assert [(n.hours, n.start, n.grade) for n in notices] == [
        (0, "known", ""), (1, "known", "larger"), (4, "known", "larger"), (720, "closed", "larger"),
        (72, "known", ""),
    ]  # fmt: skip
