"""The main job from beginning to end, through the same use cases as the command line and HTTP."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from service.adapters.courier import ConsoleCourier
from service.demo.generate import DATASETS, FILES, consented_emails, generate
from service.demo.summary import Summary, relative
from service.domain.actors import Actor
from service.domain.requests import Right, RightsRequest
from service.errors import BudgetExceededError, ConflictError, DeniedError, FiduciaryError, TamperedError
from service.settings import load_settings
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.evidence import verify_evidence
from service.usecases.ingest import ingest
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles
from service.usecases.question import EXAMPLE
from service.usecases.release import approve_aggregate, preview_aggregate, request_aggregate, run_aggregate
from service.usecases.report import approve_report, build_report
from service.usecases.rights import decide_request, open_request, run_request, verify_request
from service.usecases.score import Assessment, build_scores, score_customer
from service.usecases.users import add_user
from service.wiring import Acting, create_service, load_contract, open_service

Progress = Callable[[str, int], None]
MARKER: Final = ".fiduciary-demo"
PLAN: Final = EXAMPLE
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
    demo = _Demo(home, source, progress)
    demo.prepare(customers)
    demo.take_in()
    demo.aggregate()
    demo.score()
    demo.erase()
    demo.report_and_verify()
    return demo


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


class _Demo(Summary):
    """One run, and what it saw; each method is one step of the job."""

    def __init__(self, home: Path, source: Path, progress: Progress) -> None:
        super().__init__(home, source)
        self.progress = progress
        self._started = time.monotonic()
        self._codes = io.StringIO()
        self._by: dict[str, Acting] = {}

    def prepare(self, customers: int) -> None:
        self.progress("writing the input files", 2)
        generate(self.source, customers=customers)
        self.progress("making keys, databases and the log", 12)
        settings = load_settings({}, home=self.home)
        tokens = {"user:admin": create_service(settings)[1]}
        deps = open_service(settings, courier=ConsoleCourier(self._codes))
        admin = Actor("user:admin", frozenset({"admin"}))
        for name, role in STAFF.items():
            user = Actor(name, frozenset({role}))
            tokens[name] = add_user(user, actor=admin, deps=deps)
            self._by[name.partition(":")[2]] = {"actor": user, "deps": deps}
        (self.home / "tokens").mkdir(mode=0o700)
        for name, token in tokens.items():
            path = self.home / "tokens" / name.partition(":")[2]
            path.touch(0o600, exist_ok=False)
            path.write_text(token + "\n")

    def take_in(self) -> None:
        dana = self._by["dana"]
        for name in DATASETS:
            add_dataset(*load_contract(self.source / "contracts" / f"{name}.yaml"), **dana)
        self.progress("importing consents", 16)
        counts = asdict(import_consents(self.source / "consents.csv", **dana))
        self.facts["consents"] = counts
        self.say("consents", **counts)
        for (name, file), percent in zip(FILES.items(), (22, 30, 42), strict=True):
            self.progress(f"ingesting {name}", percent)
            self.batch(ingest(self.source / file, name, **dana))
        again = ingest(self.source / "customers.csv", "customers", **dana)
        version = dana["deps"].events.version("customers")
        self.facts["repeated"] = {"batch": again.id, "table_version": version}
        self.say("again", table_version=version)

    def aggregate(self) -> None:
        self.progress("asking for an aggregate", 50)
        ann, paul = self._by["ann"], self._by["paul"]
        self.facts["preview"] = preview_aggregate(PLAN, **ann).document()
        (self.source / "plan.json").write_text(json.dumps(PLAN, indent=1))
        asked = request_aggregate(PLAN, "regulatory_reporting", **ann)
        with self._refused("the analyst approves her own request", DeniedError):
            approve_aggregate(asked.id, **ann)
        approve_aggregate(asked.id, **paul)
        release = run_aggregate(asked.id, **ann)
        again = run_aggregate(asked.id, **ann)
        self.answer(release, same=again.answer == release.answer)
        greedy = PLAN | {"measures": ["count"], "epsilon": 9_000_000}
        costly = request_aggregate(greedy, "regulatory_reporting", **ann)
        approve_aggregate(costly.id, **paul)
        with self._refused("beyond the budget", BudgetExceededError):
            run_aggregate(costly.id, **ann)

    def score(self) -> None:
        mod, rita = self._by["max"], self._by["rita"]
        self.progress("building profiles and segments", 56)
        self.facts["profiles"] = asdict(build_profiles(**mod))
        self.say("profiles", **self.facts["profiles"])
        self.progress("training the scorecard from noisy counts", 62)
        model = train_model(**mod, epsilon_micro=1_000_000)
        self.model(approve_model(model.name, model.version, **self._by["paul"]))
        self.progress("scoring", 66)
        self.facts["scores"] = asdict(build_scores(**mod))
        self.say("scores", **self.facts["scores"])
        self._people = consented_emails(self.source)
        self.assessment(_read_score(self._people[0], rita))
        with self._refused("an analyst reads a score", DeniedError):
            _read_score(self._people[0], self._by["ann"])
        self._request(Right.OBJECTION, self._people[1])
        with self._refused("the customer objected", DeniedError):
            _read_score(self._people[1], rita)

    def erase(self) -> None:
        self.progress("deleting one customer", 72)
        email = self._people[0]
        self.erasure(self._request(Right.ERASURE, email))
        self.progress("the deleted customer comes again with a new file", 78)
        header, *lines = (self.source / "customers.csv").read_text(encoding="utf-8").splitlines()
        back = self.source / "customers-again.csv"
        theirs = next(line for line in lines if email in line.split(","))
        back.write_text(f"{header}\n{theirs}\n", encoding="utf-8")
        self.facts["returned"] = asdict(ingest(back, "customers", **self._by["dana"]).counts)
        self.say("returned", **self.facts["returned"])

    def _request(self, right: Right, email: str) -> RightsRequest:
        cora = self._by["cora"]
        opened = open_request(right, "email", email, **cora)
        code = re.findall(r"\b\d{6}\b", self._codes.getvalue())[-1]
        self.say("code", code=code)
        verify_request(opened.id, code, deps=cora["deps"])
        decide_request(opened.id, **cora)
        return run_request(opened.id, **cora).request

    def report_and_verify(self) -> None:
        self.progress("building the report", 84)
        draft = build_report("behaviour", **self._by["cora"])
        with self._refused("who built the report approves it", DeniedError):
            approve_report(draft.name, **self._by["cora"])
        bundle = approve_report(draft.name, **self._by["paul"])
        self.facts["bundle"] = str(bundle)
        self.say("report", bundle=relative(bundle))
        self.progress("verifying log, bundle and certificates", 92)
        self.say("verify")
        self.facts["verified"] = {}
        for path in (self.home / "log", bundle, *sorted((self.home / "certificates").glob("*.json"))):
            found = verify_evidence(path)
            self.facts["verified"][str(path)] = {k: found[k] for k in ("origin", "size") if k in found}
            self.say("valid", path=relative(path))
        forged = self.source / "forged.zip"
        data = bytearray(bundle.read_bytes())
        data[len(data) // 2] ^= 1
        forged.write_bytes(data)
        with self._refused("a bundle with one byte changed", TamperedError):
            verify_evidence(forged)
        self.finish(time.monotonic() - self._started)
        self.progress("done", 100)

    @contextmanager
    def _refused(self, what: str, kind: type[FiduciaryError]) -> Iterator[None]:
        try:
            yield
        except kind as error:
            self.refusal(what, error)
            return
        raise ConflictError("the demo expected a refusal and got none", step=what)


def _read_score(email: str, who: Acting) -> Assessment:
    return score_customer("credit_scoring", id_type="email", value=email, pseudonym="", **who)
