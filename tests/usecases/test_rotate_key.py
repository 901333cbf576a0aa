"""The log's key changes with an overlap, by command of an administrator, in every open process."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.clock import FakeClock

from audit.errors import BrokenLinkError
from audit.verify import verify
from service.domain.actors import Actor
from service.errors import ConflictError, DeniedError
from service.ports import Deps
from service.settings import load_settings
from service.usecases.users import add_user, rotate_key
from service.wiring import create_service, open_service

ADMIN = Actor("user:admin", frozenset({"admin"}))


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    return create_service(load_settings({}, home=tmp_path / "home"), clock=FakeClock())[0]


def accepts(deps: Deps, vkey: str) -> bool:
    deps.audit.seal()
    try:
        verify(deps.home / "log", vkey=vkey)
    except BrokenLinkError:
        return False
    return True


def test_both_keys_are_accepted_during_the_overlap_and_only_the_new_one_after(deps: Deps) -> None:
    old = deps.audit.vkeys()[0]
    both = rotate_key(finish=False, actor=ADMIN, deps=deps)
    new, _ = both.split("\n")  # one for each log
    assert new != old
    assert accepts(deps, old)
    assert accepts(deps, new)
    assert rotate_key(finish=True, actor=ADMIN, deps=deps) == both
    assert not accepts(deps, old)
    assert accepts(deps, new)
    acts = [(e.type, e.actor) for _, e in deps.audit.entries() if e.type.startswith("key:")]
    assert acts == 2 * [("key:rotate", "user:admin"), ("key:retire", "user:admin")]


def test_a_process_that_is_at_work_follows(deps: Deps) -> None:
    other = open_service(load_settings({}, home=deps.home))
    new = rotate_key(finish=False, actor=ADMIN, deps=deps).split("\n")[0]
    add_user(Actor("user:ann", frozenset({"analyst"})), actor=ADMIN, deps=other)
    assert accepts(other, new)
    rotate_key(finish=True, actor=ADMIN, deps=other)
    add_user(Actor("user:bob", frozenset({"analyst"})), actor=ADMIN, deps=deps)
    assert deps.audit.vkeys()[0] == new
    assert accepts(deps, new)


def test_a_rotation_is_begun_once_and_not_finished_before(deps: Deps) -> None:
    with pytest.raises(ConflictError):
        rotate_key(finish=True, actor=ADMIN, deps=deps)
    rotate_key(finish=False, actor=ADMIN, deps=deps)
    with pytest.raises(ConflictError):
        rotate_key(finish=False, actor=ADMIN, deps=deps)
    assert len((deps.home / "keys" / "log.key").read_text("ascii").splitlines()) == 2  # no third key was made
    deps.audit.seal()  # and the log goes on


def test_only_an_administrator_may(deps: Deps) -> None:
    with pytest.raises(DeniedError):
        rotate_key(finish=False, actor=Actor("user:cora", frozenset({"compliance_officer"})), deps=deps)
    assert len((deps.home / "keys" / "log.key").read_text("ascii").splitlines()) == 1
