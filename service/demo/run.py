"""The main job from beginning to end, through the same use cases as the command line and HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from service.adapters.courier import ConsoleCourier
from service.demo.generate import generate
from service.demo.people import consented_emails
from service.demo.summary import Summary
from service.domain.actors import Actor
from service.domain.requests import Right
from service.errors import BudgetExceededError, ConflictError, DeniedError, FiduciaryError, TamperedError
from service.ports import Deps
from service.settings import Settings, load_settings
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.evidence import verify_evidence
from service.usecases.ingest import ingest
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles
from service.usecases.release import approve_aggregate, preview_aggregate, request_aggregate, run_aggregate
from service.usecases.report import build_report
from service.usecases.rights import decide_request, open_request, run_request, verify_request
from service.usecases.score import Assessment, build_scores, score_customer
from service.usecases.users import add_user
from service.wiring import create_service, load_contract, open_service

Progress = Callable[[str, int], None]
MARKER: Final = ".fiduciary-demo"
PLAN: Final[dict[str, Any]] = {
    "dataset": "statements",
    "keys": ["month", "customers.education"],
    "measures": ["count", "sum:bill_cents", "mean:bill_cents"],
    "periods": ["2005-04", "2005-05", "2005-06", "2005-07", "2005-08", "2005-09"],
    "epsilon": 1_000_000,
}
STAFF: Final = {
    "user:dana": "data_steward",
    "user:ann": "analyst",
    "user:max": "modeller",
    "user:rita": "risk_officer",
    "user:paul": "privacy_officer",
    "user:cora": "compliance_officer",
    "user:aud": "auditor",
}


def run_demo(home: Path, *, customers: int = 30_000, progress: Progress) -> Summary:
    """Make ``home`` anew and run the six steps on it; the input files lie beside it in ``<home>-input``.

    Raises:
        ConflictError: ``home`` holds something that is not a demo.
    """
    source = home.with_name(f"{home.name}-input")
    _clear(home, source)
    demo = _Demo(home, source, Summary(home, source), progress)
    demo.prepare(customers)
    demo.take_in()
    demo.aggregate()
    demo.score()
    demo.erase()
    demo.report()
    demo.verify()
    return demo.summary


def _clear(*folders: Path) -> None:
    for folder in folders:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
            raise ConflictError(
                "this directory is not a demo; name another with --home", directory=folder.name
            )
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / MARKER).touch()


class _Demo:
    """One run; each method is one step of the job."""

    def __init__(self, home: Path, source: Path, summary: Summary, progress: Progress) -> None:
        self.home, self.source, self.summary, self._progress = home, source, summary, progress
        self._started = time.monotonic()
        self._codes = io.StringIO()
        self._deps: Deps | None = None

    @property
    def deps(self) -> Deps:
        if self._deps is None:
            raise ConflictError("the demo has not been prepared")
        return self._deps

    def actor(self, name: str) -> Actor:
        return Actor(f"user:{name}", frozenset({STAFF[f"user:{name}"]}))

    def say(self, step: str, percent: int) -> None:
        self._progress(step, percent)

    def prepare(self, customers: int) -> None:
        self.say("writing the input files", 2)
        generate(self.source, customers=customers)
        self.say("making keys, databases and the log", 12)
        settings: Settings = load_settings({}, home=self.home)
        _, token = create_service(settings)
        self._deps = open_service(settings, courier=ConsoleCourier(self._codes))
        admin = Actor("user:admin", frozenset({"admin"}))
        tokens = {"user:admin": token}
        for name, role in STAFF.items():
            tokens[name] = add_user(Actor(name, frozenset({role})), actor=admin, deps=self.deps)
        for name, value in tokens.items():
            _write_private(self.home / "tokens" / name.partition(":")[2], value)

    def take_in(self) -> None:
        dana = self.actor("dana")
        for name in ("customers", "statements", "notes"):
            contract, document = load_contract(self.source / "contracts" / f"{name}.yaml")
            add_dataset(contract, document, actor=dana, deps=self.deps)
        self.say("importing consents", 16)
        self.summary.consents(import_consents(self.source / "consents.csv", actor=dana, deps=self.deps))
        for name, file, percent in (
            ("customers", "customers.csv", 22),
            ("statements", "statements.csv", 30),
            ("notes", "notes.jsonl", 42),
        ):
            self.say(f"ingesting {name}", percent)
            self.summary.batch(ingest(self.source / file, name, actor=dana, deps=self.deps))
        again = ingest(self.source / "customers.csv", "customers", actor=dana, deps=self.deps)
        self.summary.repeated(again, self.deps.events.version("customers"))

    def aggregate(self) -> None:
        self.say("asking for an aggregate", 50)
        ann, paul = self.actor("ann"), self.actor("paul")
        self.summary.preview(preview_aggregate(PLAN, actor=ann, deps=self.deps))
        (self.source / "plan.json").write_text(json.dumps(PLAN, indent=1))
        asked = request_aggregate(PLAN, "regulatory_reporting", actor=ann, deps=self.deps)
        self._refused(
            "the analyst approves her own request",
            lambda: approve_aggregate(asked.id, actor=ann, deps=self.deps),
            DeniedError,
        )
        approve_aggregate(asked.id, actor=paul, deps=self.deps)
        answer = run_aggregate(asked.id, actor=ann, deps=self.deps)
        again = run_aggregate(asked.id, actor=ann, deps=self.deps)
        self.summary.answer(answer, same=again.answer == answer.answer)
        greedy = PLAN | {"measures": ["count"], "epsilon": 9_000_000}
        costly = request_aggregate(greedy, "regulatory_reporting", actor=ann, deps=self.deps)
        approve_aggregate(costly.id, actor=paul, deps=self.deps)
        over = lambda: run_aggregate(costly.id, actor=ann, deps=self.deps)  # noqa: E731 - read once, below
        self._refused("beyond the budget", over, BudgetExceededError)

    def score(self) -> None:
        mod, paul, rita = self.actor("max"), self.actor("paul"), self.actor("rita")
        self.say("building profiles and segments", 56)
        self.summary.profiles(build_profiles(actor=mod, deps=self.deps))
        self.say("training the scorecard from noisy counts", 62)
        model = train_model(actor=mod, deps=self.deps, epsilon_micro=1_000_000)
        self.summary.model(approve_model(model.name, model.version, actor=paul, deps=self.deps))
        self.say("scoring", 66)
        self.summary.scores(build_scores(actor=mod, deps=self.deps))
        self._people = consented_emails(self.source)
        read: Callable[[str, Actor], Assessment] = lambda email, who: score_customer(  # noqa: E731
            "credit_scoring", id_type="email", value=email, pseudonym="", actor=who, deps=self.deps
        )
        self.summary.assessment(read(self._people[0], rita))
        self._refused(
            "an analyst reads a score", lambda: read(self._people[0], self.actor("ann")), DeniedError
        )
        self._request(Right.OBJECTION, self._people[1])
        self._refused("the customer objected", lambda: read(self._people[1], rita), DeniedError)

    def erase(self) -> None:
        self.say("deleting one customer", 72)
        email = self._people[0]
        request = self._request(Right.ERASURE, email)
        self.summary.erasure(request)
        self.say("the deleted customer comes again with a new file", 78)
        header, *lines = (self.source / "customers.csv").read_text(encoding="utf-8").splitlines()
        back = self.source / "customers-again.csv"
        theirs = next(line for line in lines if email in line.split(","))
        back.write_text(f"{header}\n{theirs}\n", encoding="utf-8")
        self.summary.returned(ingest(back, "customers", actor=self.actor("dana"), deps=self.deps))

    def _request(self, right: Right, email: str) -> Any:
        cora = self.actor("cora")
        self._codes.seek(0)
        self._codes.truncate()
        opened = open_request(right, "email", email, actor=cora, deps=self.deps)
        code = re.findall(r"\b\d{6}\b", self._codes.getvalue())[-1]
        self.summary.code(code)
        verify_request(opened.id, code, deps=self.deps)
        decide_request(opened.id, actor=cora, deps=self.deps)
        return run_request(opened.id, actor=cora, deps=self.deps).request

    def report(self) -> None:
        self.say("building the report", 84)
        self.bundle = build_report(actor=self.actor("cora"), deps=self.deps)
        self.summary.bundle(self.bundle)

    def verify(self) -> None:
        self.say("verifying log, bundle and certificates", 92)
        certificates = sorted((self.home / "certificates").glob("*.json"))
        for path in (self.home / "log", self.bundle, *certificates):
            self.summary.verified(path, verify_evidence(path))
        forged = self.source / "forged.zip"
        data = bytearray(self.bundle.read_bytes())
        data[len(data) // 2] ^= 1
        forged.write_bytes(data)
        self._refused("a bundle with one byte changed", lambda: verify_evidence(forged), TamperedError)
        self.summary.finish(time.monotonic() - self._started)
        self.say("done", 100)

    def _refused(self, what: str, attempt: Callable[[], object], kind: type[FiduciaryError]) -> None:
        try:
            attempt()
        except kind as error:
            self.summary.refusal(what, error)
            return
        raise ConflictError("the demo expected a refusal and got none", step=what)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
