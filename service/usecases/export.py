"""Take in what is new in a source that grows, such as a table of another database: each row once.

The range is written down before it is read. A run that was killed, at any point, leaves it pending: the next
run finishes exactly that range first. The id of the batch comes from the range, so a range that was committed
already is found and not read again.
"""

from __future__ import annotations

from service.domain.actors import Actor
from service.errors import ConflictError, ContractError
from service.ports import BatchRow, Deps
from service.ports.exports import Export
from service.usecases.detection import profile_fact
from service.usecases.ingest import ADRIFT, Progress, allowed, take_in


def pull(
    export: Export,
    dataset: str,
    *,
    actor: Actor,
    deps: Deps,
    progress: Progress | None = None,
    overtaken: str = "another pull of this table was faster: run again",
    aside: tuple[type[ContractError], ...] = ADRIFT,
) -> BatchRow | None:
    """Take in one range: the pending one, else everything that is new.

    Args:
        export: the table.
        dataset: name of a registered dataset.
        actor: needs ``dataset:ingest``.
        deps: the service.
        progress: told step and percentage.
        overtaken: what is said when another run has gone on meanwhile.
        aside: as in ``take_in``; the next run goes on behind such a range.

    Returns:
        The batch, None when there is nothing new.

    Raises:
        ConflictError: the totals do not agree, the table has changed, or another pull runs.
        And what ``take_in`` raises.
    """
    contract, _ = allowed(dataset, actor, deps)  # here too: a range is not to be begun in vain
    profile_fact(contract, deps)
    with deps.ops() as tx:
        cursor = tx.cursors.get(export.name, dataset)
    upto = cursor.pending or export.newest(cursor.done, contract)
    if not upto:
        return None
    with deps.ops() as tx:
        tx.cursors.begin(export.name, dataset, upto)
        if tx.cursors.get(export.name, dataset).done != cursor.done:  # now locked: nobody can go on meanwhile
            raise ConflictError(overtaken)
    rows = export.rows(cursor.done, upto)
    failure: ContractError | None = None
    try:
        row = take_in(rows, dataset, actor=actor, deps=deps, name=export.name, progress=progress, aside=aside)
    except aside as error:  # its rows are in quarantine, all of them
        failure = error
    with deps.ops() as tx:
        tx.cursors.finish(export.name, dataset, upto)
    if failure is not None:
        raise failure
    return row
