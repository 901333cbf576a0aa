"""A process that writes to an event store and may be killed: ``-m fakes.event_child DIRECTORY [BYTES]``.

It appends three batches that meet in one month. With BYTES, no file may grow beyond that many bytes while the
last batch is written, as on a full disk; the limit is then lifted and the batch written again.
"""

from __future__ import annotations

import resource
import sys
from datetime import date
from pathlib import Path

from fakes.batches import admitted

from service.adapters.events.store import DeltaEventStore
from service.domain.batches import AdmittedBatch
from service.errors import StorageError

BUCKETS = 4
N_SUBJECTS = 700
N_ROWS = 6000
N_REJECTED = 200


def child_batches() -> list[AdmittedBatch]:
    """The three batches; every subject has rows of the same month in each."""
    return [
        admitted(
            f"batch {k}",
            [(n % N_SUBJECTS, date(2026, 1, 1 + n % 28), n * (k + 1)) for n in range(N_ROWS)],
            rejected=[n if n % 2 else None for n in range(N_REJECTED)],
        )
        for k in range(3)
    ]


def main() -> None:
    """Append; say ``ready`` when the imports are done and the outcome of each batch."""
    directory = Path(sys.argv[1])
    batches = child_batches()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    store = DeltaEventStore(directory, BUCKETS)
    for batch in batches[:2]:
        store.append(batch)
    if len(sys.argv) > 2:
        sys.stdout.write(_on_a_full_disk(store, batches[2], int(sys.argv[2])) + "\n")
    store.append(batches[2])
    sys.stdout.write("done\n")


def _on_a_full_disk(store: DeltaEventStore, batch: AdmittedBatch, limit: int) -> str:
    before = _state(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        store.append(batch)
    except StorageError as error:
        outcome = f"StorageError {error.fields['table']} {_state(store) == before}"
    else:
        outcome = "no error"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return outcome


def _state(store: DeltaEventStore) -> tuple[int, int]:
    return store.version("ledger"), store.scan("ledger").collect().height


if __name__ == "__main__":
    main()
