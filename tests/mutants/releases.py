"""``run_aggregate`` with two of its steps in the wrong order. Each looks fine as long as nothing fails."""

from __future__ import annotations

from dataclasses import replace

from privacy.dp.budget import PrivacyLoss
from privacy.dp.release import release_cells
from service.domain.actors import Actor
from service.domain.releases import Release, ReleaseState
from service.ports import Deps
from service.usecases.release import _answer, _publish, _totals
from service.usecases.release_steps import load, moved, open_case


def noise_before_charge(release_id: str, actor: Actor, deps: Deps) -> Release:
    """Computes first and pays afterwards, as one would who charges only for answers that worked."""
    release = load(release_id, deps)
    case = open_case("aggregate:run", release, actor, deps)
    if release.state is ReleaseState.RELEASED:
        return release
    exact, version, people = _totals(case.query, release.purpose, deps)
    cells = release_cells(case.query, exact, PrivacyLoss(release.rho))
    charged = case.charge()
    return _publish(case, charged, _answer(charged, case.query, cells, version), version, people)


def audit_after_return(release_id: str, actor: Actor, deps: Deps) -> Release:
    """Stores the answer, commits, and writes the entry when everything else is done."""
    release = load(release_id, deps)
    case = open_case("aggregate:run", release, actor, deps)
    if release.state is ReleaseState.RELEASED:
        return release
    charged = case.charge()
    exact, version, _ = _totals(case.query, release.purpose, deps)
    cells = release_cells(case.query, exact, PrivacyLoss(charged.rho))
    answer = _answer(charged, case.query, cells, version)
    with deps.ops() as tx:
        released = moved(charged, ReleaseState.RELEASED, answer=answer, data_version=version)
        tx.releases.save(released)
    return replace(released, entry=case.record("aggregate:release", released, rho=released.rho))


def charge_on_every_run(release_id: str, actor: Actor, deps: Deps) -> Release:
    """Pays again when an interrupted release is completed."""
    release = load(release_id, deps)
    case = open_case("aggregate:run", release, actor, deps)
    if release.state is ReleaseState.RELEASED:
        return release
    charged = case.charge()
    if release.state is ReleaseState.CHARGED:
        scopes = ("dataset:customers", "dataset:statements", f"actor:{actor.id}")
        with deps.ops() as tx:
            tx.budget.charge(f"{release.id}-again", scopes[1:], release.rho, deps.clock.now())
    exact, version, people = _totals(case.query, release.purpose, deps)
    cells = release_cells(case.query, exact, PrivacyLoss(charged.rho))
    return _publish(case, charged, _answer(charged, case.query, cells, version), version, people)
