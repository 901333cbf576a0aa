"""A witness under any sequence of requests, honest or not; policies and requests round-trip."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.audit_logs import KEY, entries
from fakes.operators import Operator, new_witness
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from audit.cosign import Request, format_request, parse_request
from audit.errors import AuditError
from audit.note import COSIGNATURE, SigningKey, VerifierKey
from audit.policy import Group, Party, Policy, format_policy, parse_policy

OPERATOR = Operator()


class WitnessMachine(RuleBasedStateMachine):
    """Histories that fork and are cut at will, sent with any claim about what the witness has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.histories: list[list[bytes]] = [[]]
        self.seen: list[bytes] = []
        self.fresh = 0

    @initialize()
    def start(self) -> None:
        """It has seen nothing."""
        self.witness = new_witness(self.folder)

    @rule(which=st.integers(0, 9), keep=st.integers(0, 20), more=st.integers(0, 9))
    def write_history(self, which: int, keep: int, more: int) -> None:
        """Another history: a part of one that there is, and new entries."""
        base = self.histories[which % len(self.histories)][:keep]
        self.histories.append([*base, *entries(self.fresh, self.fresh + more)])
        self.fresh += more

    @rule(which=st.integers(0, 9), old=st.integers(0, 20))
    def send_any(self, which: int, old: int) -> None:
        """Any history with any claim."""
        self.send(self.histories[which % len(self.histories)], old)

    @rule(which=st.integers(0, 9))
    def send_aptly(self, which: int) -> None:
        """Any history with the right claim."""
        self.send(self.histories[which % len(self.histories)], len(self.seen))

    @rule()
    def restart(self) -> None:
        """The same memory, another process."""
        self.witness = new_witness(self.folder)

    def send(self, history: list[bytes], old: int) -> None:
        """Cosigned is exactly what extends all that was cosigned before."""
        status, body = self.witness.add_checkpoint(OPERATOR.request(history, old))
        extends = history[: len(self.seen)] == self.seen
        if old > len(history):
            expected = 400
        elif old != len(self.seen):
            expected = 409
            assert body == f"{len(self.seen)}\n".encode()
        else:
            expected = 200 if extends else 422
        assert status == expected
        if status == 200:
            self.seen = history

    def teardown(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self.folder)


TestWitness = WitnessMachine.TestCase
TestWitness.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "Cc"]), min_size=1, max_size=9).filter(
    lambda name: "+" not in name and not any(c.isspace() for c in name)
)
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=" "), min_size=1, max_size=9
)
PUBLIC = st.binary(min_size=32, max_size=32)


@st.composite
def policies(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Policy:
    keys = draw(st.lists(PUBLIC, max_size=7, unique=True))
    names = draw(
        st.lists(WORDS.filter(lambda n: n != "none"), min_size=len(keys) + 3, max_size=20, unique=True)
    )
    split = draw(st.integers(0, len(keys)))
    urls = st.one_of(st.just(""), WORDS)
    logs = tuple(Party(VerifierKey(draw(NAMES), key), "", draw(urls)) for key in keys[:split])
    witnesses = tuple(
        Party(VerifierKey(draw(NAMES), key, COSIGNATURE), name, draw(urls))
        for key, name in zip(keys[split:], names, strict=False)
    )
    free, groups = [witness.name for witness in witnesses], list[Group]()
    for name in names[len(keys) :][: draw(st.integers(0, 3))]:
        members = tuple(draw(st.lists(st.sampled_from(free), unique=True))) if free else ()
        if members:
            groups.append(Group(name, draw(st.integers(1, len(members))), members))
            free = [item for item in free if item not in members] + [name]
    defined = ["none", *(w.name for w in witnesses), *(g.name for g in groups)]
    return Policy(logs, witnesses, tuple(groups), draw(st.sampled_from(defined)))


@settings(max_examples=200, deadline=None)
@given(policies())
def test_a_policy_is_read_as_it_was_written(policy: Policy) -> None:
    data = format_policy(policy)
    assert parse_policy(data) == policy
    assert format_policy(parse_policy(data)) == data
    spaced = b"# note\n\n" + data.replace(b" ", b" \t ").replace(b"\n", b"  \n \t\n")
    assert parse_policy(spaced) == policy


@settings(max_examples=200, deadline=None)
@given(policies(), st.data())
def test_more_cosigners_never_break_a_quorum(policy: Policy, data: st.DataObject) -> None:
    names = [witness.name for witness in policy.witnesses]
    some = data.draw(st.sets(st.sampled_from(names))) if names else set()
    if policy.is_met(some):
        assert policy.is_met(names)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80), st.text("loggroupwitness quorumnone\t\n+#", max_size=80).map(str.encode)
    )
)
def test_bytes_are_a_policy_or_refused_with_our_error(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except AuditError:
        return
    assert parse_policy(format_policy(policy)) == policy


REQUESTS = st.builds(
    Request,
    st.integers(0, 10**19 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
    st.binary(max_size=50),
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    assert parse_request(format_request(request)) == request


@given(st.binary(max_size=200))
def test_bytes_are_a_request_or_refused(data: bytes) -> None:
    try:
        request = parse_request(data)
    except AuditError:
        return
    assert format_request(request) == data


def test_the_operator_of_the_tests_signs_as_the_log_does() -> None:
    with pytest.raises(AuditError):
        parse_request(b"old 1\n\n"[:-1])
    assert OPERATOR.note([]).startswith(KEY.name.encode())
    assert SigningKey(KEY.name, KEY.seed) == KEY
