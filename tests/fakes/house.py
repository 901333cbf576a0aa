"""A whole service in a directory: real keys, databases, event store and log, a clock that stands still.

``furnish`` builds one with data in it; ``move_in`` opens a copy, so that tests do not disturb each other.
"""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fakes.clock import FakeClock

from service.adapters.courier import ConsoleCourier
from service.demo.generate import consented_emails, generate
from service.demo.run import STAFF
from service.domain.actors import Actor
from service.domain.requests import Right
from service.ports import Deps
from service.settings import Settings, load_settings
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.usecases.rights import decide_request, open_request, verify_request
from service.usecases.users import add_user
from service.wiring import create_service, load_contract, open_service

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
FILES = (("customers", "customers.csv"), ("statements", "statements.csv"), ("notes", "notes.jsonl"))


@dataclass
class House:
    """A service, its people, and where their input files are."""

    settings: Settings
    source: Path
    deps: Deps
    clock: FakeClock
    codes: io.StringIO
    tokens: dict[str, str]

    def actor(self, name: str) -> Actor:
        """One of the staff, such as ``ann``."""
        return Actor(f"user:{name}", frozenset({STAFF[f"user:{name}"]}))

    @property
    def emails(self) -> list[str]:
        """Addresses of customers who consented to scoring."""
        return consented_emails(self.source)

    def last_code(self) -> str:
        """The newest one-time code that was delivered."""
        return str(re.findall(r"\b\d{6}\b", self.codes.getvalue())[-1])

    def decided(self, right: Right, email: str) -> str:
        """A verified and decided request; returns its id."""
        opened = open_request(right, "email", email, actor=self.actor("cora"), deps=self.deps)
        verify_request(opened.id, self.last_code(), deps=self.deps)
        decide_request(opened.id, actor=self.actor("cora"), deps=self.deps)
        return opened.id

    def reopened(self) -> House:
        """The same data directory, opened again as a new process would."""
        deps = open_service(self.settings, clock=self.clock, courier=ConsoleCourier(self.codes))
        return replace(self, deps=deps)


def build(home: Path, source: Path, *, at: datetime = NOW) -> House:
    """An empty service with its staff, made at an instant."""
    clock, codes = FakeClock(at), io.StringIO()
    settings = load_settings({}, home=home)
    _, token = create_service(settings, clock=clock)
    deps = open_service(settings, clock=clock, courier=ConsoleCourier(codes))
    admin = Actor("user:admin", frozenset({"admin"}))
    tokens = {"admin": token}
    for name, role in STAFF.items():
        tokens[name.partition(":")[2]] = add_user(Actor(name, frozenset({role})), actor=admin, deps=deps)
    return House(settings, source, deps, clock, codes, tokens)


def furnish(folder: Path, customers: int = 300, *, at: datetime = NOW) -> House:
    """A service with the three datasets and the consents taken in; real commands need ``at`` to be now."""
    source = folder / "input"
    generate(source, customers=customers)
    house = build(folder / "home", source, at=at)
    dana = house.actor("dana")
    for name, _ in FILES:
        contract, document = load_contract(source / "contracts" / f"{name}.yaml")
        add_dataset(contract, document, actor=dana, deps=house.deps)
    import_consents(source / "consents.csv", actor=dana, deps=house.deps)
    for name, file in FILES:
        ingest(source / file, name, actor=dana, deps=house.deps)
    house.deps.audit.seal()
    return house


def move_in(model: House, folder: Path) -> House:
    """A copy of a furnished house in another directory, with a clock of its own."""
    shutil.copytree(model.settings.home, folder / "home")
    shutil.copytree(model.source, folder / "input")
    clock, codes = FakeClock(NOW), io.StringIO()
    settings = load_settings({}, home=folder / "home")
    deps = open_service(settings, clock=clock, courier=ConsoleCourier(codes))
    return House(settings, folder / "input", deps, clock, codes, dict(model.tokens))
