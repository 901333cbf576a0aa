"""What the demo saw, as a short text for people and as one JSON document."""

from __future__ import annotations

import json
import resource
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest
from service.errors import FiduciaryError
from service.ports import BatchRow
from service.usecases.score import Assessment

LINES: Final = tomllib.loads((Path(__file__).parent / "data/lines.toml").read_text("utf-8"))


class Summary:
    """Collects step by step, in order.

    Attributes:
        home: the demo's data directory.
        source: where its input files are.
        facts: everything, for JSON.
    """

    def __init__(self, home: Path, source: Path) -> None:
        self.home, self.source = home, source
        self._lines: list[str] = []
        self.facts: dict[str, Any] = {"home": str(home), "input": str(source), "batches": {}, "refusals": {}}

    def text(self) -> str:
        """Everything, for people, ending in what to look at and what to try."""
        return "\n".join(self._lines)

    def say(self, line: str, **values: object) -> None:
        """Add a line of ``data/lines.toml`` with these values."""
        self._lines.append(LINES[line].format(**values))

    def batch(self, row: BatchRow) -> None:
        """One file taken in."""
        counts = asdict(row.counts)
        self.facts["batches"][row.dataset] = counts | {"reasons": dict(row.reasons)}
        self.say("batch", dataset=row.dataset, **counts)
        for reason, count in sorted(row.reasons.items()):
            self.say("reason", reason=reason, count=count)

    def answer(self, release: Release, *, same: bool) -> None:
        """The released aggregate."""
        answer = json.loads(release.answer)
        facts = {"id": release.id, "rho": release.rho, "entry": release.entry, "answer": answer}
        self.facts["aggregate"] = facts | {"asked_again_is_the_same": same}
        self.say("answer", cells=len(answer["cells"]), rho=release.rho)
        for cell in answer["cells"][:3]:
            keys = " ".join(str(cell[k]) for k in answer["keys"])
            mean = {part: cents / 100 for part, cents in cell["mean:bill_cents"].items()}
            self.say("cell", keys=keys, count=cell["count"]["value"], **mean)

    def refusal(self, what: str, error: FiduciaryError) -> None:
        """Something that had to be refused, and was."""
        self.facts["refusals"][what] = {"code": error.code, "exit": error.exit_code, **error.fields}
        fields = ", ".join(f"{k}={v}" for k, v in error.fields.items())
        self.say("refusal", what=what, error=error, fields=fields)

    def model(self, model: Model) -> None:
        """The approved scorecard."""
        quality = json.loads(model.document)["quality"]
        facts = {"name": model.name, "version": model.version, "rho": model.rho, "quality": quality}
        self.facts["model"] = facts
        self.say("model", **facts, auc=quality["auc_ppm"] / 1_000_000)

    def assessment(self, one: Assessment) -> None:
        """One score with its reasons."""
        self.facts["assessment"] = facts = asdict(one)
        self.say("assessment", **facts)
        for reason in facts["reasons"]:
            self.say("lost", **reason)

    def erasure(self, request: RightsRequest) -> None:
        """The finished erasure."""
        decision = json.loads(request.decision)
        facts = {"id": request.id, "decision": decision, "steps": request.steps.split(",")}
        self.facts["erasure"] = facts | {"certificate": request.certificate}
        self.say("erasure")
        for outcome in decision:
            self.say("kept" if outcome["until"] else "outcome", **outcome)

    def finish(self, seconds: float) -> None:
        """How long it took, what to look at, what to try."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.facts |= {"seconds": round(seconds, 1), "peak_megabytes": peak}
        places = {"home": self.home, "source": self.source, "bundle": Path(self.facts["bundle"])}
        shown = {name: relative(path) for name, path in places.items()}
        self.say("try", seconds=seconds, peak=peak, **shown)


def relative(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
