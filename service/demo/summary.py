"""What the demo saw, as a short text for people and as one JSON document."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest
from service.errors import FiduciaryError
from service.ports import BatchRow
from service.usecases.consent import ConsentCounts
from service.usecases.profile import ProfilesBuilt
from service.usecases.release import Preview
from service.usecases.score import Assessment, ScoresBuilt


class Summary:
    """Collects facts step by step, in order."""

    def __init__(self, home: Path, source: Path) -> None:
        self._home, self._source = home, source
        self._lines: list[str] = []
        self._facts: dict[str, Any] = {"home": str(home), "input": str(source), "batches": {}, "refusals": {}}

    def document(self) -> Mapping[str, Any]:
        """Everything, as JSON values."""
        facts: Mapping[str, Any] = json.loads(json.dumps(self._facts, default=str))
        return facts

    def text(self) -> str:
        """Everything, for people, ending in what to look at and what to try."""
        return "\n".join(self._lines)

    def _say(self, line: str) -> None:
        self._lines.append(line)

    def consents(self, counts: ConsentCounts) -> None:
        """Consent records imported."""
        facts = asdict(counts)
        self._facts["consents"] = facts
        self._say("1 INGEST")
        self._say("  consents: " + ", ".join(f"{v:,} {k}" for k, v in facts.items() if isinstance(v, int)))

    def batch(self, row: BatchRow) -> None:
        """One file taken in."""
        c = row.counts
        self._facts["batches"][row.dataset] = asdict(c) | {"reasons": dict(row.reasons)}
        self._say(
            f"  {row.dataset}: {c.rows:,} rows in = {c.admitted:,} admitted + {c.quarantined:,} quarantined"
            f" + {c.refused:,} refused"
        )
        for reason, count in sorted(row.reasons.items()):
            self._say(f"      {count:,} {reason}")

    def repeated(self, row: BatchRow, version: int) -> None:
        """The same file again."""
        self._facts["repeated"] = {"batch": row.id, "table_version": version}
        self._say(f"  customers again: the same batch, table still at version {version}")

    def preview(self, preview: Preview) -> None:
        """Cost and error before the spend."""
        self._facts["preview"] = preview.document()

    def answer(self, release: Release, *, same: bool) -> None:
        """The released aggregate."""
        answer = json.loads(release.answer)
        self._facts["aggregate"] = {
            "id": release.id,
            "rho": release.rho,
            "entry": release.entry,
            "answer": answer,
        }
        self._facts["aggregate"]["asked_again_is_the_same"] = same
        self._say("2 AGGREGATE  count, sum, mean of the bill by month and education, epsilon 1")
        self._say(
            f"  {len(answer['cells'])} cells for {release.rho:,} micro-rho; asked again: same answer, no cost"
        )
        for cell in answer["cells"][:3]:
            keys = " ".join(str(cell[k]) for k in answer["keys"])
            figure = cell["mean:bill_cents"]
            self._say(
                f"      {keys}: {cell['count']['value']:,} bills, mean {figure['value'] / 100:,.0f}"
                f" [{figure['low'] / 100:,.0f}, {figure['high'] / 100:,.0f}] TWD"
            )

    def refusal(self, what: str, error: FiduciaryError) -> None:
        """Something that had to be refused, and was."""
        self._facts["refusals"][what] = {"code": error.code, "exit": error.exit_code, **error.fields}
        fields = ", ".join(f"{k}={v}" for k, v in error.fields.items())
        self._say(f"  refused (exit {error.exit_code}), {what}: {error.reason} ({fields})")

    def profiles(self, built: ProfilesBuilt) -> None:
        """Segments built."""
        self._facts["profiles"] = asdict(built)
        self._say("3 SCORE AND SEGMENT")
        self._say(f"  {built.customers:,} customers have a segment; {built.left_out:,} gave no consent to it")

    def model(self, model: Model) -> None:
        """The approved scorecard."""
        quality = json.loads(model.document).get("quality", {})
        self._facts["model"] = {
            "name": model.name,
            "version": model.version,
            "rho": model.rho,
            "quality": quality,
        }
        auc = f", AUC {quality['auc_ppm'] / 1_000_000:.3f} on customers held out" if quality else ""
        self._say(
            f"  scorecard {model.name}@{model.version}: trained from noisy counts at epsilon 1, approved{auc}"
        )

    def scores(self, built: ScoresBuilt) -> None:
        """Scores built."""
        self._facts["scores"] = asdict(built)
        self._say(f"  {built.customers:,} customers are scored; {built.left_out:,} gave no separate consent")

    def assessment(self, one: Assessment) -> None:
        """One score with its reasons."""
        self._facts["assessment"] = asdict(one)
        self._say(f"  one customer: score {one.score}, grade {one.grade}, because")
        for reason in one.reasons:
            self._say(f"      -{reason.lost} {reason.en} / {reason.zh}")

    def code(self, code: str) -> None:
        """A one-time code, as the customer would see it."""
        self._say(f"  [the customer's one-time code: {code}]")

    def erasure(self, request: RightsRequest) -> None:
        """The finished erasure."""
        decision = json.loads(request.decision)
        self._facts["erasure"] = {"id": request.id, "decision": decision, "steps": request.steps.split(",")}
        self._facts["erasure"]["certificate"] = request.certificate
        self._say("4 DELETE  by e-mail address, identity checked by a one-time code")
        for outcome in decision:
            until = f" until {outcome['until']} ({outcome['law']})" if outcome["until"] else ""
            self._say(f"      {outcome['data_class']}: {outcome['outcome']}{until}")

    def returned(self, row: BatchRow) -> None:
        """The erased customer in a new file."""
        self._facts["returned"] = asdict(row.counts)
        self._say(f"  comes again in a new file: {row.counts.refused} of {row.counts.rows} rows refused")

    def bundle(self, path: Path) -> None:
        """The report."""
        self._facts["bundle"] = str(path)
        self._say(f"5 REPORT  {_relative(path)}")

    def verified(self, path: Path, facts: Mapping[str, object]) -> None:
        """A piece of evidence that verifies."""
        self._facts.setdefault("verified", {})[str(path)] = {
            k: facts[k] for k in ("origin", "size") if k in facts
        }
        if len(self._facts["verified"]) == 1:
            self._say("6 VERIFY  offline: no database, no network, no secret")
        self._say(f"  valid: {_relative(path)}")

    def finish(self, seconds: float) -> None:
        """How long it took, what to look at, what to try."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self._facts |= {"seconds": round(seconds, 1), "peak_megabytes": peak}
        home = _relative(self._home)
        self._say(f"\n{seconds:.0f} seconds, {peak:,} MB at the most\n")
        self._say("Look at")
        for name, what in (
            ("report", "the signed report, both languages, in a bundle"),
            ("certificates", "the certificates of the requests"),
            ("log", "the audit log: tiles, checkpoint, vkey"),
        ):
            self._say(f"  {home}/{name:<13} {what}")
        self._say("Try")
        command = ".venv/bin/fiduciary"
        token = f"FIDUCIARY_HOME={home} FIDUCIARY_TOKEN_FILE={home}/tokens"
        self._say(f"  {command} audit verify {_relative(Path(self._facts['bundle']))}")
        self._say(f"  {token}/ann {command} budget show")
        self._say(f"  {token}/ann {command} aggregate preview {_relative(self._source)}/plan.json")
        self._say(f"  {token}/aud {command} audit show")
        self._say(f"  FIDUCIARY_HOME={home} {command} doctor")
        self._say(
            f"  FIDUCIARY_HOME={home} {command} serve   # the API, described at http://127.0.0.1:8080/openapi.json"
        )


def _relative(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
