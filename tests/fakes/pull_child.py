"""A process that pulls from a database and stops, alive, at a chosen step, so that it can be killed there."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from fakes.intake import STEWARD
from fakes.source_database import SourceDatabase

from service.settings import load_settings
from service.usecases.export import pull
from service.wiring import open_service

#: The range is written down; a chunk is staged; all is read and reconciled; committed, the cursor not moved.
STEPS: Final = ("read", "rows", "store", "done")


def pull_and_stop(home: Path, url: str, table: str, at: str, pipe: Connection) -> None:
    """Pull until the step is reached."""

    def progress(step: str, _percent: int) -> None:
        if at in step:
            pipe.send("here")
            time.sleep(60)

    deps = open_service(load_settings({}, home=home))
    export = SourceDatabase(url).export(table)
    pull(export, "statements", actor=STEWARD, deps=deps, progress=progress)
