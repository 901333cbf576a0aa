"""Is the log whole, and what is beside it still what it says? Recomputes all of it, shows no content.

In this order, and the first thing that is broken is named: every byte of the log (``audit.verify``), how long
its newest entries have waited for a checkpoint, each row of the index, the files of people that entries name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.entry import parse_entry
from audit.errors import AuditError
from audit.filestore import PENDING
from audit.segment import scan
from audit.verify import verify_log
from service.errors import TamperedError, UsageError
from service.ports import AuditTrail
from service.usecases.tags import PEOPLE, is_about

_STALE: Final = 86_400  # seconds
Progress = Callable[[str, int], None]


def check_log(
    directory: Path,
    open_log: Callable[[], AuditTrail] | None = None,
    *,
    now: datetime,
    progress: Progress,
    rebuild: bool = False,
) -> dict[str, object]:
    """Check a log, and with ``open_log`` what a service keeps beside it; ``rebuild`` its index first.

    Raises:
        TamperedError: names what is broken.
        UsageError: there is no log.
    """

    def tell(step: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(step, 100 * done // max(1, total))

    try:
        facts = asdict(verify_log(directory, progress=tell("log")))
        groups, _ = scan((directory / PENDING).read_bytes())
    except FileNotFoundError:
        raise UsageError("there is no log here") from None
    except AuditError as error:
        raise TamperedError("the log does not hold", link=str(error)) from error
    waited = now - parse_entry(groups[0].entries[0]).at if groups else now - now
    facts["unsealed_seconds"] = int(waited.total_seconds())
    if facts["unsealed_seconds"] > _STALE:
        raise TamperedError("the newest entries wait for a checkpoint", seconds=facts["unsealed_seconds"])
    if open_log is not None:
        trail = open_log()
        if rebuild:
            trail.rebuild_index()
        facts |= trail.reconcile(tell("index"))
        any(trail.tagged(is_about(directory.parent / PEOPLE, b"", ())))
    return facts
