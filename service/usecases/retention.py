"""The retention job: what may not be kept any more is removed from disk, store by store.

* Rows that ``service.usecases.rows`` shows no longer, by the same test; and what quarantine keeps of batches
  that came as long ago as that. Rows of a person under restriction stay, those of a class that a law says
  keep, and what is in quarantine of a batch whose run died: it has no day.
* Sealed documents and suppression tags in the vault after the day of their end.
* Answers to idempotency keys of pushed batches after ``PUSH_DAYS``.
* Entries of the logs, a year at a time, with the files of people and of payloads beside them.

Each removal is in the log before it begins, so a run that was killed has perhaps said too much, never too
little; run again it goes on, and removes files that it had left. A dataset whose class the policies do not
know is hidden from every reader, but nothing of it is removed: the log and the caller are told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Final

import polars as pl

from audit.entry import Entry
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.domain.logs import Head, is_over
from service.errors import TamperedError
from service.ports import Deps, EntryFilter
from service.usecases.access import authorise
from service.usecases.payloads import SEALED
from service.usecases.rows import usable
from service.usecases.tags import PEOPLE

PUSH_DAYS: Final = 30
UNKNOWN_CLASS: Final = "unknown_class"
_Tables = Sequence[tuple[str, str, pl.Expr, DatasetContract | None]]  # kind, name, what stays, for totals


@dataclass(frozen=True, slots=True)
class Expired:
    """What a store held beyond its time.

    Attributes:
        resource: ``dataset/<name>``, ``vault``, ``source`` or ``log/<name>/<year>``.
        retention_class: of a dataset, else empty.
        cutoff: ISO date: what was over, or had happened, before this day.
        counts: what was removed, or would be, by kind.
        refused: why nothing may be removed; empty when it may.
    """

    resource: str
    retention_class: str = ""
    cutoff: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: str = ""


def run_retention(*, actor: Actor, deps: Deps, dry_run: bool = False) -> tuple[Expired, ...]:
    """Remove all that is over, or count it.

    Raises:
        DeniedError: the actor lacks ``retention:run``.
        AuditUnavailableError: nothing more is removed; run again when the log can be written.
        StorageError: a store cannot be written; run again when it can.
    """
    act = authorise(deps, actor, "retention:run", data_class="C3", resource="retention")
    done: list[Expired] = []
    for found, remove in _stores(deps):
        counts = remove(dry_run=True)
        done.append(replace(found, counts=counts))
        if not dry_run and (found.refused or any(counts.values())):
            about = {"class": found.retention_class, "cutoff": found.cutoff}
            said = replace(act, allow=not found.refused, reason=found.refused)
            said.record(resource=found.resource, detail=(*about.items(), *counts.items()))
        if not dry_run:
            remove(dry_run=False)  # also when nothing is over: a killed run may have left old files
    over = sum(sum(each.counts.values()) for each in done)
    if dry_run or not (over or any(each.refused for each in done)):
        act.record(detail=(("dry_run", int(dry_run)), ("over", over)))
    return tuple(done)


def _stores(deps: Deps) -> Iterator[tuple[Expired, Callable[..., Mapping[str, int]]]]:
    """Every store in which something ends, and what removes that, or with ``dry_run`` counts it."""
    now = deps.clock.now()
    with deps.ops() as tx:
        contracts, batches = tx.datasets.all(), tx.batches.all()
    for contract in contracts:
        rule = deps.policy.bundle.retention.get(contract.retention_class)
        found = Expired(f"dataset/{contract.name}", contract.retention_class)
        if rule is None:
            yield replace(found, refused=UNKNOWN_CLASS), partial(_rows, (), deps)
        elif usable(contract, deps) and rule.outcome == "delete":  # PIPL 47(2): what is restricted stays
            first = now.date() - timedelta(days=rule.use_days)
            old = [b.id for b in batches if b.dataset == contract.name and b.at.date() < first]
            tables = _tables(contract, old if rule.use_days else [], deps)
            yield replace(found, cutoff=first.isoformat()), partial(_rows, tables, deps)
    yield Expired("vault", cutoff=now.date().isoformat()), deps.vault.expire
    before = now - timedelta(days=PUSH_DAYS)
    yield Expired("source", cutoff=before.date().isoformat()), partial(_answers, before.timestamp(), deps)
    for head, later in pairwise(deps.audit.heads()):
        if head.log == later.log and _is_over(head, deps):
            found = Expired(f"log/{head.log}/{head.year}", cutoff=now.date().isoformat())
            yield found, partial(_prune, head, deps)


def _tables(contract: DatasetContract, old: Sequence[str], deps: Deps) -> _Tables:
    """The tables of a dataset that there are; ``old`` are batches whose rejected rows are over."""
    restricted = deps.vault.pseudonyms(sorted(deps.vault.restricted()))["_sp"]
    stays = pl.col("_sp").is_in(restricted.implode())  # GDPR 18: storage is all that is done
    gone = pl.col("_batch").is_in(pl.Series([batch[:16] for batch in old], dtype=pl.String).implode())
    tables = (  # PIPL 19; PIPL 47(1)
        ("rows", contract.name, pl.all_horizontal(usable(contract, deps)) | stays, contract),
        ("quarantined", f"quarantine_{contract.name}", ~gone | stays, None),
    )
    return [table for table in tables if table[1] in deps.events.tables()]


def _rows(tables: _Tables, deps: Deps, *, dry_run: bool) -> dict[str, int]:
    expire = deps.events.expire
    return {kind: expire(name, keep, totals, dry_run=dry_run) for kind, name, keep, totals in tables}


def _answers(before: float, deps: Deps, *, dry_run: bool) -> dict[str, int]:
    with deps.ops() as tx:
        return {"answers": tx.sources.forget(int(before), dry_run=dry_run)}


def _is_over(head: Head, deps: Deps) -> bool:
    return is_over(head.year, deps.policy.bundle.log_days[head.log], deps.clock.now().date())


def _prune(head: Head, deps: Deps, *, dry_run: bool) -> dict[str, int]:
    """Remove the entries of a shard, and what lies beside them; hashes and checkpoint stay."""
    gone = 0 if dry_run else sum(_forget(entry, deps) for entry in deps.audit.prune(head.origin))
    return {"entries": gone or (0 if head.pruned else head.size)}


def _forget(entry: Entry, deps: Deps) -> int:
    for folder in (PEOPLE, SEALED):
        (deps.home / folder / entry.id).unlink(missing_ok=True)
    return 1


def check_pruned(deps: Deps) -> tuple[Head, ...]:
    """Seal; the tree heads of all shards.

    Raises:
        TamperedError: one lost its entries before its time, and not by a retention run under earlier rules.
    """
    heads = deps.audit.heads()
    for head in heads:
        where = EntryFilter(type=frozenset({"retention:run"}), resource=f"log/{head.log}/{head.year}")
        if head.pruned and not _is_over(head, deps) and not deps.audit.find(where):
            raise TamperedError("the entries of a log were taken away before their time", origin=head.origin)
    return heads
