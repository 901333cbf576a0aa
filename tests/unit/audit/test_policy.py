"""Trust policies: the grammar, the quorum, and what a verifier is told by each attack that is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_logs import KEY, entries, make_bundle, make_certificate, small_log
from fakes.operators import NEW, POLICY, W1, W2, Operator, new_witness

from audit.bundle import verify_bundle
from audit.certificate import verify_certificate
from audit.errors import BrokenLinkError, FormatError, SignatureError
from audit.logdir import create_log
from audit.note import COSIGNATURE, SigningKey, format_lines, format_note, format_vkey, parse_note, sign_line
from audit.policy import Group, Party, Policy, format_policy, open_checkpoint, parse_policy, trust_key
from audit.verify import BROKEN, USAGE, main
from audit.verify_log import verify_log

VKEY, V1, V2 = (format_vkey(signer.key) for signer in (KEY, W1, W2))
V3, V4 = (format_vkey(SigningKey(f"w{n}", bytes([n] * 32), 4).key) for n in (3, 4))
OPERATOR = Operator()
TRUE, FALSE = entries(0, 12), entries(100, 112)

SPEC = f"""# The example of the specification, with keys
log {VKEY}

witness X1 {V1}
  witness \t X2\t{V2} https://w2.example/
group X-witnesses 1 X1 X2\t
witness Y1 {V3}
witness Y2 {V4}
group Y-witnesses any Y1 Y2
   # a comment
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification_means_what_it_says() -> None:
    policy = parse_policy(SPEC.encode())
    assert [party.name for party in policy.witnesses] == ["X1", "X2", "Y1", "Y2"]
    assert policy.witnesses[1].url == "https://w2.example/"
    assert policy.groups[2] == Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses"))
    met = {frozenset(names): policy.is_met(names) for names in (
        (), ("X1",), ("X1", "X2"), ("Y1",), ("X1", "Y2"), ("X2", "Y1"), ("X1", "X2", "Y1", "Y2"),
    )}  # fmt: skip
    assert [sorted(names) for names, yes in met.items() if yes] == [
        ["X1", "Y2"],
        ["X2", "Y1"],
        ["X1", "X2", "Y1", "Y2"],
    ]
    assert parse_policy(format_policy(policy)) == policy


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("quorum none", ""),  # no newline at the end
        ("quorum none\r\n", ""),
        ("quorum no\x7fne\n", ""),
        ("log \n", "line 1"),
        (f"log {VKEY}\n", "quorum"),
        (f"log {VKEY} a b\nquorum none\n", "line 1"),
        (f"log {VKEY}\nlog {VKEY}\nquorum none\n", "line 2"),
        (f"log {V1}\nquorum none\n", "line 1"),
        (f"log {VKEY[:-1]}\nquorum none\n", "line 1"),
        (f"witness a {VKEY}\nquorum none\n", "line 1"),
        (f"witness a {V1} b c\nquorum none\n", "line 1"),
        (f"witness none {V1}\nquorum none\n", "line 1"),
        (f"witness a {V1}\nwitness b {V1}\nquorum none\n", "line 2"),
        (f"witness a {V1}\nwitness a {V2}\nquorum none\n", "line 2"),
        ("witness a\nquorum none\n", "line 1"),
        (f"witness a {V1}\ngroup a 1 a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g 0 a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g 2 a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g 01 a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g most a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g 1 a a\nquorum none\n", "line 2"),
        (f"witness a {V1}\ngroup g any a\ngroup h any a\nquorum none\n", "line 3"),
        ("group g any g\nquorum none\n", "line 1"),
        ("group g any none\nquorum none\n", "line 1"),
        ("group g all\nquorum none\n", "line 1"),
        ("group g any\nquorum none\n", "line 1"),
        ("group g\nquorum none\n", "line 1"),
        (f"group g any a\nwitness a {V1}\nquorum none\n", "line 1"),
        (f"quorum a\nwitness a {V1}\n", "line 1"),
        ("quorum none\nquorum none\n", "line 2"),
        ("quorum none none\n", "line 1"),
        ("quorum\n", "line 1"),
        ("quorums none\n", "line 1"),
        ("LOG x\nquorum none\n", "line 1"),
    ],
)
def test_what_the_specification_forbids_is_refused_and_the_line_named(text: str, line: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_policy(text.encode())
    assert line in str(caught.value)


def test_octets_above_ascii_are_opaque() -> None:
    data = (
        b"# \xff\nwitness \xe2\x84\xaa "
        + V1.encode()
        + b"\nwitness K "
        + V2.encode()
        + b"\nwitness \xff\xa0 "
    )
    data += V3.encode() + b" http://\xfe\nquorum \xff\xa0\n"
    policy = parse_policy(data)
    assert [party.name for party in policy.witnesses] == ["\u212a", "K", "\udcff\udca0"]
    assert parse_policy(format_policy(policy)) == policy


def test_one_key_cannot_be_two_parties() -> None:
    twin = SigningKey("w", KEY.seed, 4)
    with pytest.raises(FormatError):
        Policy((Party(KEY.key),), (Party(twin.key, "w"),), (), "w")
    with pytest.raises(FormatError):
        trust_key(W1.key)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Policy(groups=(Group("g", 1, ("w",)),)), "group"),
        (lambda: Policy(witnesses=(Party(W1.key, "w"), Party(W2.key, "w"))), "named twice"),
        (lambda: Policy((Party(W1.key),)), "key, name or URL"),
        (lambda: Policy(quorum="w"), "quorum"),
    ],
)
def test_what_is_no_policy_says_what_is_wrong(make: Callable[[], Policy], problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        make()
    assert caught.value == FormatError("policy", problem)


@pytest.mark.parametrize("url", ["a b", "a\n", "\x7f"])
def test_names_and_urls_hold_no_space(url: str) -> None:
    with pytest.raises(FormatError):
        Policy((Party(KEY.key, "", url),), quorum="none")


def test_an_empty_quorum_is_never_met() -> None:
    with pytest.raises(BrokenLinkError):
        open_checkpoint(OPERATOR.note(TRUE[:2]), Policy((Party(KEY.key),)))


def test_a_cosigned_checkpoint_meets_the_quorum_and_says_who_and_when(tmp_path: Path) -> None:
    witness, other = new_witness(tmp_path / "1"), new_witness(tmp_path / "2", W2)
    note = OPERATOR.cosigned(TRUE[:3], 0, witness, other)
    opened = open_checkpoint(note, POLICY)
    assert (list(opened.cosigned), opened.ignored, opened.signers) == (["w1"], 1, (KEY.key,))
    assert opened.cosigned["w1"] > 1_000_000_000
    both = replace(
        POLICY, witnesses=(*POLICY.witnesses, Party(W2.key, "w2")), groups=(Group("g", 2, ("w1", "w2")),)
    )
    assert len(open_checkpoint(note, replace(both, quorum="g")).cosigned) == 2
    with pytest.raises(BrokenLinkError):
        open_checkpoint(OPERATOR.cosigned(TRUE[:3], 3, witness), replace(both, quorum="g"))


def test_lines_of_unknown_keys_are_passed_over_and_lines_of_known_keys_must_verify(tmp_path: Path) -> None:
    note = OPERATOR.cosigned(TRUE[:3], 0, new_witness(tmp_path))
    stranger = format_lines([sign_line("x\n", SigningKey("stranger", bytes(32)))])
    assert open_checkpoint(note + stranger, POLICY).ignored == 1
    parsed = parse_note(note)
    for place in (0, 1):
        lines = list(parsed.signatures)
        lines[place] = replace(lines[place], value=lines[place].value[:-1] + b"\x00")
        with pytest.raises(SignatureError):
            open_checkpoint(
                format_note(replace(parsed, signatures=tuple(lines))), replace(POLICY, quorum="none")
            )


def test_one_key_may_sign_several_logs_but_not_be_a_witness_too() -> None:
    names = ("example.com/log", "example.com/access/2026", "example.com/access/2027")
    logs = "".join(f"log {format_vkey(SigningKey(name, KEY.seed).key)}\n" for name in names)
    assert [log.key.name for log in parse_policy(f"{logs}quorum none\n".encode()).logs] == [*names]
    own = format_vkey(SigningKey("w", KEY.seed, COSIGNATURE).key)
    with pytest.raises(FormatError, match="line 4"):
        parse_policy(f"{logs}witness own {own}\nquorum none\n".encode())


def broken(path: Path, policy: Policy | str = POLICY) -> str:
    with pytest.raises(BrokenLinkError) as caught:
        verify_log(path, vkey=policy)
    return caught.value.link


def test_split_view_each_half_is_whole_but_only_one_is_cosigned(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "w")
    shown = OPERATOR.publish(tmp_path / "a", TRUE[:9], OPERATOR.cosigned(TRUE[:9], 0, witness))
    other = [*TRUE[:5], *FALSE[:4]]
    hidden = OPERATOR.publish(tmp_path / "b", other, OPERATOR.cosigned(other, 9, witness))
    assert verify_log(shown, vkey=POLICY).cosigned.keys() == {"w1"}
    assert verify_log(hidden, vkey=VKEY).size == 9  # the key alone cannot tell
    assert broken(hidden) == "witness quorum"


def test_rollback_and_rewriting_are_not_cosigned(tmp_path: Path) -> None:
    witness = new_witness(tmp_path / "w")
    OPERATOR.cosigned(TRUE[:9], 0, witness)
    for name, history, old in (("short", TRUE[:5], 5), ("rewritten", [*FALSE[:9], *TRUE], 9)):
        made = OPERATOR.publish(tmp_path / name, history, OPERATOR.cosigned(history, old, witness))
        assert broken(made) == "witness quorum"


def test_a_cosignature_of_another_checkpoint_is_no_cosignature(tmp_path: Path) -> None:
    line = new_witness(tmp_path / "w").add_checkpoint(OPERATOR.request(TRUE[:9], 0))[1]
    made = OPERATOR.publish(tmp_path / "log", FALSE[:9], OPERATOR.note(FALSE[:9]) + line)
    assert broken(made) == "checkpoint signature"


def test_the_log_cannot_cosign_for_the_witness(tmp_path: Path) -> None:
    note = OPERATOR.note(TRUE[:3])
    forged = sign_line(parse_note(note).text, SigningKey(W1.name, KEY.seed, 4), 1_700_000_000)
    mine = replace(forged, key_id=W1.key.id)
    assert (
        broken(OPERATOR.publish(tmp_path / "a", TRUE[:3], note + format_lines([forged]))) == "witness quorum"
    )
    assert (
        broken(OPERATOR.publish(tmp_path / "b", TRUE[:3], note + format_lines([mine])))
        == "checkpoint signature"
    )


def test_who_holds_both_keys_can_rewrite_history_which_the_documentation_says(tmp_path: Path) -> None:
    OPERATOR.cosigned(TRUE[:9], 0, new_witness(tmp_path / "w"))
    note = OPERATOR.cosigned(FALSE[:9], 0, new_witness(tmp_path / "a second memory of the same key"))
    assert verify_log(OPERATOR.publish(tmp_path / "log", FALSE[:9], note), vkey=POLICY).size == 9


def test_another_log_under_a_trusted_witness_is_not_trusted(tmp_path: Path) -> None:
    other = Operator((SigningKey("other.example/log", bytes(32)),))
    witness = new_witness(tmp_path / "w", W1, other.keys[0].key)
    made = other.publish(tmp_path / "log", TRUE[:3], other.cosigned(TRUE[:3], 0, witness))
    assert broken(made) == "verifier key"


def test_the_key_that_came_along_must_have_signed_too(tmp_path: Path) -> None:
    made = OPERATOR.publish(tmp_path / "log", TRUE[:3], OPERATOR.note(TRUE[:3]))
    (made / "vkey").write_text(format_vkey(NEW.key) + "\n")
    assert broken(made, VKEY) == "checkpoint signature"
    (made / "vkey").write_text(V1 + "\n")
    assert broken(made, VKEY) == "checkpoint signature"


def test_bundles_and_certificates_are_verified_under_a_policy(tmp_path: Path) -> None:
    plain, seen = small_log(tmp_path / "a", 3), create_log(tmp_path / "b", KEY, [new_witness(tmp_path / "w")])
    seen.append(*entries(0, 3))
    for make, verify in ((make_bundle, verify_bundle), (make_certificate, verify_certificate)):
        facts = verify(make(seen, [1]), vkey=POLICY)
        assert (facts.vkey_pinned, [*facts.cosigned], facts.ignored) == (True, ["w1"], 0)
        assert verify(make(seen, [1]), vkey=VKEY).ignored == 1
        with pytest.raises(BrokenLinkError) as caught:
            verify(make(plain, [1]), vkey=POLICY)
        assert caught.value.link == "witness quorum"


def test_the_command_takes_a_policy_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_log(tmp_path / "log", 3)
    log, policy = str(tmp_path / "log"), tmp_path / "policy"
    policy.write_bytes(format_policy(trust_key(KEY.key)))
    assert main([log, "--policy", str(policy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vkey_pinned"] is True
    policy.write_bytes(format_policy(POLICY))
    assert main([log, "--policy", str(policy)]) == BROKEN
    assert "witness quorum" in capsys.readouterr().out
    policy.write_bytes(b"quorum none")
    assert main([log, "--policy", str(policy)]) == USAGE
    assert "policy" in capsys.readouterr().out
    assert main([log, "--policy", str(tmp_path / "none")]) == USAGE
    with pytest.raises(SystemExit):
        main([log, "--policy", str(policy), "--vkey", VKEY])
