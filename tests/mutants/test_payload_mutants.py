"""Broken variants of the sealed payloads, each caught by a check that the real ones pass."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.mutated import mutated

import service.usecases.payloads
from audit.canonical import digest
from audit.entry import Entry
from privacy.pseudonym.blind_index import blind_index
from service.domain.actors import Actor
from service.errors import FiduciaryError, TamperedError, UnknownError
from service.ports import Deps
from service.settings import load_settings
from service.usecases.access import Act
from service.usecases.payloads import MARK, SEALED
from service.wiring import create_service

PAYLOADS = service.usecases.payloads
CONTENT = {"before": "张小明", "after": "张晓明"}
SHOWN = "张".encode()


@dataclass
class Scene:
    """A service with two living people, and the module under test."""

    module: Any
    deps: Deps
    people: tuple[int, int]

    def entry(self, subject: int, entry_id: str = "") -> Entry:
        """An entry about a person with something sealed beside it, not in the log."""
        entry_id = entry_id or secrets.token_hex(16)
        pseudonym, named = self.module.seal_payload(subject, CONTENT, entry_id, self.deps)
        assert pseudonym == self.deps.vault.pseudonyms([subject]).item(0, "_sp")
        at = self.deps.clock.now()
        return Entry(id=entry_id, at=at, type="test:entry", actor="user:cora", payload=named, detail=(MARK,))

    def logged(self) -> Entry:
        """An entry about the first person, in the log."""
        act = Act(
            allow=True, rule="", role="", reason="", policy="", deps=self.deps,
            actor=Actor("user:cora", frozenset()), permission="test:entry",
        )  # fmt: skip
        made = act.record(sealed=(self.people[0], CONTENT))
        (entry,) = (entry for _, entry in self.deps.audit.entries() if entry.id == made)
        assert MARK in entry.detail
        return entry

    def path(self, entry: Entry) -> Path:
        """Where the file of an entry is."""
        return self.deps.home / SEALED / entry.id


def opened_by_its_person_and_shown_to_nobody(scene: Scene) -> None:
    entry = scene.entry(scene.people[0])
    assert scene.module.read_payload(entry, scene.people[0], scene.deps) == CONTENT
    data = scene.path(entry).read_bytes()
    assert digest(data) == entry.payload
    assert SHOWN not in data
    with pytest.raises(TamperedError):
        scene.module.read_payload(entry, scene.people[1], scene.deps)


def nothing_about_a_file_may_change(scene: Scene) -> None:
    """Not even where the entry says that it has: a key that is not the committed one opens nothing."""
    entry = scene.entry(scene.people[0])
    data = scene.path(entry).read_bytes()
    for place in (0, 31, 32, 44, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        scene.path(entry).write_bytes(changed)
        for said in (entry, replace(entry, payload=digest(bytes(changed)))):
            with pytest.raises(TamperedError):
                scene.module.read_payload(said, scene.people[0], scene.deps)
    scene.path(entry).unlink()
    with pytest.raises(TamperedError):
        scene.module.read_payload(entry, scene.people[0], scene.deps)


def a_file_belongs_to_one_entry(scene: Scene) -> None:
    one, other = scene.entry(scene.people[0]), scene.entry(scene.people[0])
    shutil.copyfile(scene.path(one), scene.path(other))
    with pytest.raises(TamperedError):
        scene.module.read_payload(replace(other, payload=one.payload), scene.people[0], scene.deps)


def all_of_one_person_go_and_none_of_another(scene: Scene) -> None:
    mine, other = scene.entry(scene.people[0]), scene.entry(scene.people[1])
    orphan = scene.entry(scene.people[0], "ab" * 16)
    torn = scene.path(scene.entry(scene.people[0], "cd" * 16))
    torn.rename(torn.with_name(f"{torn.name}.tmp"))
    assert scene.module.remove_payloads([scene.people[0]], scene.deps) == 3
    assert [path.name for path in (scene.deps.home / SEALED).iterdir()] == [other.id]
    assert not scene.path(mine).exists()
    assert not scene.path(orphan).exists()
    assert scene.module.remove_payloads([scene.people[0]], scene.deps) == 0


def all_go_wherever_they_lie_and_whoever_moves_them(scene: Scene) -> None:
    one, other = (scene.path(scene.entry(scene.people[0])) for _ in range(2))
    kept, aside = scene.entry(scene.people[1]), one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    one.with_name("lost+found").mkdir()
    one.with_name("gone").symlink_to("nowhere")  # listed, and not there any more when it is read
    assert scene.module.remove_payloads([scene.people[0]], scene.deps) == 2
    left = {path.name for path in one.parent.iterdir()}
    assert left == {kept.id, "lost+found", "gone"}


def what_is_missing_is_told_from_what_is_erased(scene: Scene) -> None:
    entry = scene.logged()
    scene.path(entry).unlink()
    with pytest.raises(TamperedError) as caught:
        scene.module.check_payloads(scene.deps)
    assert caught.value.fields == {"entry": entry.id}
    scene.deps.vault.destroy(scene.people[0])
    assert counted(scene) == (0, 1, 0)


def every_file_is_held_against_its_entry(scene: Scene) -> None:
    entry = scene.logged()
    assert counted(scene) == (1, 0, 0)
    scene.path(entry).with_name("ef" * 16).write_bytes(b"nobody's")
    assert counted(scene) == (1, 0, 1)
    scene.path(entry).write_bytes(scene.path(entry).read_bytes() + b"x")
    with pytest.raises(TamperedError):
        scene.module.check_payloads(scene.deps)


def a_copy_is_of_no_use_once_the_person_is_erased(scene: Scene) -> None:
    entry = scene.entry(scene.people[0])
    copy, name = scene.path(entry).read_bytes(), entry.id
    scene.deps.vault.destroy(scene.people[0])
    assert scene.path(entry).read_bytes() == copy
    with pytest.raises(UnknownError):
        scene.module.read_payload(entry, scene.people[0], scene.deps)
    for guess in (bytes(32), scene.deps.keyring.derive("payload"), scene.deps.keyring.derive("subject-tag")):
        assert scene.module._keys(guess, name)[1] != copy[:32]


def counted(scene: Scene) -> tuple[int, ...]:
    return tuple(scene.module.check_payloads(scene.deps).values())


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    return create_service(load_settings({}, home=tmp_path / "home"), clock=FakeClock())[0]


def scene_of(module: ModuleType, deps: Deps) -> Scene:
    emails = pl.Series(["a@example.org", "b@example.org"])
    rows = pl.DataFrame({"email": blind_index(emails, deps.keyring.index_key("email"))})
    one, other = deps.vault.resolve(rows, create=True)["_subject"].to_list()
    return Scene(module, deps, (one, other))


Check = Callable[[Scene], None]
CHECKS: tuple[Check, ...] = (
    opened_by_its_person_and_shown_to_nobody,
    nothing_about_a_file_may_change,
    a_file_belongs_to_one_entry,
    all_of_one_person_go_and_none_of_another,
    all_go_wherever_they_lie_and_whoever_moves_them,
    what_is_missing_is_told_from_what_is_erased,
    every_file_is_held_against_its_entry,
    a_copy_is_of_no_use_once_the_person_is_erased,
)
SEAL = "box = seal(key, encode_json(content), subject=subject, data_class=entry_id, schema=1)"
MUTANTS: list[tuple[str, str, str, Check]] = [
    ("in the clear", SEAL, "box = encode_json(content)", opened_by_its_person_and_shown_to_nobody),
    (
        "anybody makes the key",
        "key=own,",
        "key=bytes(32),",
        a_copy_is_of_no_use_once_the_person_is_erased,
    ),
    ("one key for everybody", "key=own,", "key=bytes(32),", all_of_one_person_go_and_none_of_another),
    ("no commitment", ' if data[:_KEY] == commitment else b""', "", nothing_about_a_file_may_change),
    ("leaves torn files", "path.stem", "path.name", all_of_one_person_go_and_none_of_another),
    (
        "believes the name",
        "if head in theirs]",
        "if head in {_keys(one, path.stem)[1] for one in own}]",
        all_go_wherever_they_lie_and_whoever_moves_them,
    ),
    ("removes nothing", "path.unlink(missing_ok=True)", "pass", all_of_one_person_go_and_none_of_another),
    ("blind to loss", " or is_living(", " or not (", what_is_missing_is_told_from_what_is_erased),
    ("none is erased", "if name in found or is_living(", "if (", what_is_missing_is_told_from_what_is_erased),
    ("believes", "digest(data) != entry.payload", "not data", every_file_is_held_against_its_entry),
    ("counts no strangers", "len(found - named)", "0", every_file_is_held_against_its_entry),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_real_ones_pass(deps: Deps, check: Check) -> None:
    check(scene_of(PAYLOADS, deps))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant[0])
def test_a_mutant_is_caught(deps: Deps, tmp_path: Path, mutant: tuple[str, str, str, Check]) -> None:
    _, old, new, check = mutant
    with (
        mutated(PAYLOADS, old, new, tmp_path) as module,
        pytest.raises((AssertionError, FiduciaryError, pytest.fail.Exception)),
    ):
        check(scene_of(module, deps))


def test_what_is_sealed_needs_a_living_person(deps: Deps) -> None:
    scene = scene_of(PAYLOADS, deps)
    deps.vault.destroy(scene.people[0])
    with pytest.raises(UnknownError):
        scene.entry(scene.people[0])
    assert not (deps.home / SEALED).exists()
