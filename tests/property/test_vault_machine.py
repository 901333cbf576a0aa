"""Any sequence of enrolling, sealing, restricting, suppressing and destroying follows a plain model."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from fakes.clock import FakeClock
from fakes.vaults import VaultHome, blind, person
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

NUMBERS = st.integers(0, 4)
CLASSES = st.sampled_from(["identity", "contact"])
TAGS = st.sampled_from([bytes([n]) * 16 for n in range(3)])


class VaultMachine(RuleBasedStateMachine):
    """The vault beside dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        base = Path(self.directory.name)
        self.clock = FakeClock()
        self.home = VaultHome(f"sqlite:///{base / 'vault.sqlite'}", base / "keys", self.clock)
        self.vault = self.home.open()
        self.subject: dict[int, int] = {}  # person to living subject
        self.sealed: dict[tuple[int, str], bytes] = {}
        self.restricted: set[int] = set()
        self.destroyed: dict[int, str] = {}
        self.pseudonym: dict[int, bytes] = {}
        self.listed: dict[bytes, datetime] = {}

    def teardown(self) -> None:
        """Remove the files."""
        self.directory.cleanup()

    @rule(n=NUMBERS)
    def enrol(self, n: int) -> None:
        """A person comes in, or comes in again."""
        answer = self.vault.resolve(blind(person(n)), create=True).row(0, named=True)
        expected = self.subject.get(n, len(self.subject) + len(self.destroyed) + 1)
        assert (answer["_subject"], answer["problem"]) == (expected, None)
        self.subject[n] = expected
        assert self.pseudonym.setdefault(expected, answer["_sp"]) == answer["_sp"]

    @rule(n=NUMBERS, data_class=CLASSES, document=st.binary(max_size=8))
    def seal(self, n: int, data_class: str, document: bytes) -> None:
        """A document is put or replaced."""
        if n in self.subject:
            self.vault.seal_classes({data_class: {self.subject[n]: document}})
            self.sealed[self.subject[n], data_class] = document

    @rule(n=NUMBERS)
    def restrict(self, n: int) -> None:
        """A subject is restricted."""
        if n in self.subject:
            self.vault.restrict(self.subject[n])
            self.restricted.add(self.subject[n])

    @rule(n=NUMBERS)
    def destroy(self, n: int) -> None:
        """A subject is erased."""
        if n not in self.subject:
            return
        gone = self.subject.pop(n)
        self.destroyed[gone] = self.vault.destroy(gone)
        self.restricted.discard(gone)
        self.sealed = {key: value for key, value in self.sealed.items() if key[0] != gone}

    @rule()
    def destroy_again(self) -> None:
        """Erasing again names the same epoch, and no epoch died twice."""
        for gone, epoch in self.destroyed.items():
            assert self.vault.destroy(gone) == epoch
        assert len(set(self.destroyed.values())) == len(self.destroyed)

    @rule(tag=TAGS, days=st.integers(1, 3))
    def suppress(self, tag: bytes, days: int) -> None:
        """A tag is listed."""
        until = self.clock.now() + timedelta(days=days)
        self.vault.suppress([tag], until=until)
        self.listed[tag] = until

    @rule()
    def wait(self) -> None:
        """A day passes."""
        self.clock.advance(timedelta(days=1))
        self.listed = {tag: until for tag, until in self.listed.items() if until > self.clock.now()}

    @rule()
    def reopen(self) -> None:
        """Another process opens the vault."""
        self.vault = self.home.open()

    @invariant()
    def follows_the_model(self) -> None:
        """Vault and dictionaries agree."""
        frame = self.vault.pseudonyms()
        living = {s: self.pseudonym[s] for s in self.subject.values()}
        assert dict(frame.select("_subject", "_sp").iter_rows()) == living
        assert self.vault.restricted() == self.restricted
        assert self.vault.suppressed([bytes([n]) * 16 for n in range(3)]) == set(self.listed)
        assert len(list(self.home.keys.iterdir())) == 1
        for s in [*self.subject.values(), *self.destroyed]:
            for data_class in ("identity", "contact"):
                assert self.vault.open(s, data_class) == self.sealed.get((s, data_class))


VaultMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestVault = VaultMachine.TestCase
