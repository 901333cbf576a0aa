"""What the demo saw, as a short text for people and as one JSON document."""

from __future__ import annotations

import json
import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.domain.models import Model
from service.domain.releases import Release
from service.domain.requests import RightsRequest
from service.errors import FiduciaryError
from service.ports import BatchRow
from service.usecases.score import Assessment


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

    def say(self, line: str) -> None:
        """Add a line for people."""
        self._lines.append(line)

    def batch(self, row: BatchRow) -> None:
        """One file taken in."""
        c = row.counts
        self.facts["batches"][row.dataset] = asdict(c) | {"reasons": dict(row.reasons)}
        self.say(
            f"  {row.dataset}: {c.rows:,} rows in = {c.admitted:,} admitted + {c.quarantined:,} quarantined"
            f" + {c.refused:,} refused"
        )
        for reason, count in sorted(row.reasons.items()):
            self.say(f"      {count:,} {reason}")

    def answer(self, release: Release, *, same: bool) -> None:
        """The released aggregate."""
        answer = json.loads(release.answer)
        facts = {"id": release.id, "rho": release.rho, "entry": release.entry, "answer": answer}
        self.facts["aggregate"] = facts | {"asked_again_is_the_same": same}
        self.say("2 AGGREGATE  count, sum, mean of the bill by month and education, epsilon 1")
        self.say(
            f"  {len(answer['cells'])} cells for {release.rho:,} micro-rho; asked again: same answer, no cost"
        )
        for cell in answer["cells"][:3]:
            keys = " ".join(str(cell[k]) for k in answer["keys"])
            figure = cell["mean:bill_cents"]
            self.say(
                f"      {keys}: {cell['count']['value']:,} bills, mean {figure['value'] / 100:,.0f}"
                f" [{figure['low'] / 100:,.0f}, {figure['high'] / 100:,.0f}] TWD"
            )

    def refusal(self, what: str, error: FiduciaryError) -> None:
        """Something that had to be refused, and was."""
        self.facts["refusals"][what] = {"code": error.code, "exit": error.exit_code, **error.fields}
        fields = ", ".join(f"{k}={v}" for k, v in error.fields.items())
        self.say(f"  refused (exit {error.exit_code}), {what}: {error.reason} ({fields})")

    def model(self, model: Model) -> None:
        """The approved scorecard."""
        quality = json.loads(model.document).get("quality", {})
        facts = {"name": model.name, "version": model.version, "rho": model.rho, "quality": quality}
        self.facts["model"] = facts
        auc = f", AUC {quality['auc_ppm'] / 1_000_000:.3f} on customers held out" if quality else ""
        self.say(
            f"  scorecard {model.name}@{model.version}: trained from noisy counts at epsilon 1, approved{auc}"
        )

    def assessment(self, one: Assessment) -> None:
        """One score with its reasons."""
        self.facts["assessment"] = asdict(one)
        self.say(f"  one customer: score {one.score}, grade {one.grade}, because")
        for reason in one.reasons:
            self.say(f"      -{reason.lost} {reason.en} / {reason.zh}")

    def erasure(self, request: RightsRequest) -> None:
        """The finished erasure."""
        decision = json.loads(request.decision)
        facts = {"id": request.id, "decision": decision, "steps": request.steps.split(",")}
        self.facts["erasure"] = facts | {"certificate": request.certificate}
        self.say("4 DELETE  by e-mail address, identity checked by a one-time code")
        for outcome in decision:
            until = f" until {outcome['until']} ({outcome['law']})" if outcome["until"] else ""
            self.say(f"      {outcome['data_class']}: {outcome['outcome']}{until}")

    def finish(self, seconds: float) -> None:
        """How long it took, what to look at, what to try."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.facts |= {"seconds": round(seconds, 1), "peak_megabytes": peak}
        home = relative(self.home)
        bundle, source = relative(Path(self.facts["bundle"])), relative(self.source)
        text = Path(__file__).with_name("data").joinpath("try.txt").read_text("utf-8")
        self.say(text.format(seconds=seconds, peak=peak, home=home, bundle=bundle, source=source))


def relative(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
