"""The whole log and all that stands beside it, recomputed: what is sound passes, whatever is not is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from fakes.clock import FakeClock
from fakes.mutated import mutated

import service.usecases.doctor
from audit.evidence import Place
from service.adapters.sql import audit_index
from service.adapters.sql.ops import SqlOps
from service.adapters.trail import LogTrail
from service.domain.actors import Actor
from service.errors import FiduciaryError, TamperedError
from service.ports import AuditTrail, Deps, EntryFilter
from service.settings import Settings, load_settings
from service.usecases.access import Act
from service.usecases.doctor import check_log
from service.wiring import create_service, open_service

ADMIN = Actor("user:admin", frozenset({"admin"}))


class Scene:
    """A service with some entries, all indexed and sealed, and what may be done to it."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = load_settings({}, home=folder / "home")
        self.clock = FakeClock()
        self.deps: Deps = create_service(self.settings, clock=self.clock)[0]
        for _ in range(5):
            self.act().record(resource="thing/1")
        self.act().record(among=[b"0" * 16, b"1" * 16])
        self.deps.audit.find(EntryFilter())

    def act(self) -> Act:
        """Something to be logged."""
        return Act(
            allow=True, rule="", role="", reason="", policy="", deps=self.deps, actor=ADMIN,
            permission="test:entry",
        )  # fmt: skip

    def sql(self, statement: str) -> None:
        """Change the operational database behind the service's back."""
        assert isinstance(self.deps.ops, SqlOps)
        with self.deps.ops.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def check(self, *, rebuild: bool = False, trail: AuditTrail | None = None) -> dict[str, object]:
        """Check all, with another trail if it is given."""

        def opening() -> Deps:
            deps = open_service(self.settings, relay=False)
            return replace(deps, audit=trail) if trail else deps

        return check_log(
            self.settings.log,
            opening,
            now=self.clock.now(),
            progress=lambda *_: None,
            rebuild=rebuild,
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def flip_an_entry(scene: Scene) -> None:
    path = next((scene.settings.log / "governance" / "2026" / "tile" / "entries").rglob("6"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def change_the_index(scene: Scene) -> None:
    scene.sql("UPDATE audit_entry SET actor = 'user:nobody' WHERE position = 3")


def thin_out_the_index(scene: Scene) -> None:
    scene.sql("DELETE FROM audit_entry WHERE position = 2")


def move_in_the_index(scene: Scene) -> None:
    scene.sql("UPDATE audit_entry SET position = 99 WHERE position = 5")


def add_to_the_index(scene: Scene) -> None:
    scene.sql("INSERT INTO audit_entry SELECT origin, 6, id, at, type, actor, decision, purpose, resource "
              "FROM audit_entry WHERE position = 5")  # fmt: skip


def roll_back_the_log(scene: Scene) -> None:
    shutil.copytree(scene.settings.log, scene.settings.home / "kept")
    scene.act().record()
    scene.deps.audit.find(EntryFilter())
    shutil.rmtree(scene.settings.log)
    (scene.settings.home / "kept").rename(scene.settings.log)


def lose_people(scene: Scene) -> None:
    (next((scene.settings.home / "people").iterdir())).unlink()


def leave_unsealed(scene: Scene) -> None:
    scene.act().record()
    scene.clock.advance(timedelta(days=1, seconds=1))


HARMS: dict[Callable[[Scene], None], tuple[str, dict[str, object]]] = {
    flip_an_entry: ("the log does not hold", {}),
    change_the_index: ("the index is not that of the log", {"position": 3}),
    thin_out_the_index: ("the index is not that of the log", {"position": 2}),
    move_in_the_index: ("the index is not that of the log", {"position": 5}),
    add_to_the_index: ("the index is not that of the log", {"position": 6}),
    roll_back_the_log: ("the index is not that of the log", {"position": 6}),
    lose_people: ("the people of an entry are not what it says", {}),
    leave_unsealed: ("the newest entries wait for a checkpoint", {"seconds": 86_401}),
}


def test_what_is_sound_passes_and_is_counted(scene: Scene) -> None:
    steps: list[tuple[str, int, int]] = []
    found = check_log(
        scene.settings.log,
        lambda: open_service(scene.settings, relay=False),
        now=scene.clock.now(),
        progress=lambda *step: steps.append(step),
        rebuild=False,
    )
    counts = {name: found[name] for name in ("size", "entries", "indexed", "behind", "outbox")}
    assert counts == {"size": 6, "entries": 6, "indexed": 6, "behind": 0, "outbox": 0}
    assert steps == [("log", 6, 6), ("index", 6, 6)]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_the_first_thing_that_is_broken_is_named(scene: Scene, harm: Callable[[Scene], None]) -> None:
    harm(scene)
    with pytest.raises(TamperedError) as caught:
        scene.check()
    reason, fields = HARMS[harm]
    assert caught.value.reason == reason
    assert fields.items() <= caught.value.fields.items()
    assert caught.value.exit_code == 5


def test_entries_that_are_on_their_way_are_no_fault(scene: Scene) -> None:
    scene.act().record()
    assert isinstance(scene.deps.ops, SqlOps)
    still = replace(scene.deps, ops=SqlOps(scene.deps.ops.engine, lambda: None))
    with still.ops() as tx:
        scene.act().record(within=tx)
    scene.clock.advance(timedelta(seconds=7))
    found = scene.check()
    counts = {name: found[name] for name in ("unsealed", "unsealed_seconds", "behind", "outbox")}
    assert counts == {"unsealed": 1, "unsealed_seconds": 7, "behind": 1, "outbox": 1}


@pytest.mark.parametrize(
    "harm",
    [change_the_index, thin_out_the_index, move_in_the_index, add_to_the_index],
    ids=lambda f: f.__name__,
)
def test_an_index_that_is_broken_is_built_from_the_log_again(
    scene: Scene, harm: Callable[[Scene], None]
) -> None:
    before = scene.deps.audit.find(EntryFilter())
    harm(scene)
    assert scene.check(rebuild=True)["behind"] == 0
    assert open_service(scene.settings).audit.find(EntryFilter()) == before


def test_a_service_that_cannot_open_for_its_index_is_helped(scene: Scene) -> None:
    scene.sql("DELETE FROM audit_index")
    with pytest.raises(FiduciaryError):
        scene.deps.audit.find(EntryFilter())
    with pytest.raises(FiduciaryError), scene.deps.ops() as tx:
        scene.act().record("test:kept", within=tx)  # committed, and waits
    with pytest.raises(FiduciaryError):
        open_service(scene.settings)
    scene.check(rebuild=True)
    (last,) = open_service(scene.settings).audit.find(EntryFilter(last=1))
    assert last[1].type == "test:kept"


def test_a_broken_log_is_never_the_source_of_an_index(scene: Scene) -> None:
    flip_an_entry(scene)
    with pytest.raises(TamperedError):
        scene.check(rebuild=True)
    assert isinstance(scene.deps.audit, LogTrail)
    with scene.deps.audit._index() as index:
        (origin,) = index.sizes()
        assert (index.sizes()[origin], len(index.rows(Place(origin, 0), 99))) == (6, 6)


def test_a_directory_is_checked_without_a_service(scene: Scene, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(scene.settings.log, copied)
    quiet: Callable[[str, int, int], None] = lambda *_: None  # noqa: E731
    now = scene.clock.now()
    assert check_log(copied, None, now=now, progress=quiet, rebuild=False)["size"] == 6
    with pytest.raises(TamperedError):
        check_log(tmp_path / "nothing", None, now=now, progress=quiet, rebuild=False)


MUTANTS = [
    (
        "counts nothing",
        audit_index,
        "in index.rows(Place(origin, size), 1 << 62)]",
        "in ()]",
        add_to_the_index,
    ),
    (
        "compares nothing",
        audit_index,
        " if row != seen]",
        " if not row]",
        change_the_index,
    ),
    (
        "believes the index",
        audit_index,
        "if wrong or total < size:",
        "if wrong:",
        roll_back_the_log,
    ),
    (
        "skips people",
        service.usecases.doctor,
        "        any(deps.audit.tagged",
        "        len, (deps.audit.tagged",
        lose_people,
    ),
    ("never stale", service.usecases.doctor, "waited > _STALE", "waited > 10 * _STALE", leave_unsealed),
]


@pytest.fixture(params=MUTANTS, ids=lambda mutant: mutant[0])
def mutant(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[ModuleType, Callable[[Scene], None]]]:
    _, module, old, new, harm = request.param
    with mutated(module, old, new, tmp_path) as broken:
        yield broken, harm


def test_a_check_with_a_hole_is_caught(
    scene: Scene, mutant: tuple[ModuleType, Callable[[Scene], None]], tmp_path: Path
) -> None:
    module, harm = mutant
    harm(scene)
    with pytest.raises(TamperedError):
        scene.check()
    deps = open_service(scene.settings, relay=False)
    trail = deps.audit
    assert isinstance(trail, LogTrail)
    if hasattr(module, "check_log"):
        module.check_log(
            scene.settings.log, lambda: deps, now=scene.clock.now(), progress=lambda *_: None, rebuild=False
        )
    else:
        scene.check(trail=LogTrail(trail._logs, module.AuditIndex(trail._index.engine), trail._keys))
