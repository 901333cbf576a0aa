"""``retention run`` on the command line: counted, removed, refused."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.command import CommandLine
from fakes.intake import ANALYST, STEWARD
from fakes.special import MOBILES, open_special, take

from policies import loader
from service.domain.actors import Actor
from service.ports import Deps
from service.settings import load_settings
from service.usecases.users import add_user
from service.wiring import open_service

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "keep-and-delete-on-time.md"


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    """A service that took clicks in long ago, opened today."""
    now = datetime.now(UTC)
    past = open_special(tmp_path, FakeClock(now - timedelta(days=200)))
    at = f"{now - timedelta(days=201):%Y-%m-%dT%H:%M:%SZ}"
    take(tmp_path, "app_events", [{"mobile": m, "clicked_at": at, "page": "/"} for m in MOBILES], past)
    return open_service(load_settings({}, home=past.home))


@pytest.fixture
def line(deps: Deps) -> CommandLine:
    """The command line of a data steward and an analyst."""
    admin = Actor("user:admin", frozenset({"admin"}))
    people = {"dana": STEWARD, "ann": ANALYST}
    return CommandLine(
        deps.home, {name: add_user(who, actor=admin, deps=deps) for name, who in people.items()}
    )


def test_old_clicks_are_counted_then_removed_and_only_by_who_may(deps: Deps, line: CommandLine) -> None:
    told = line.call("retention", "run", "--dry-run", who="dana")
    assert (told.code, "Would be removed" in told.out, "3 rows" in told.out) == (0, True, True)
    assert deps.events.scan("app_events").collect().height == 3
    assert line.call("retention", "run", who="ann").code == 3
    ran = line.spawn("retention", "run", "--json", who="dana")
    stores = {store["resource"]: store for store in json.loads(ran.out)["stores"]}
    assert stores["dataset/app_events"]["counts"] == {"rows": 3}
    assert stores["dataset/app_events"]["retention_class"] == "behaviour_log"
    assert not any(mobile in ran.said for mobile in MOBILES)
    assert deps.events.scan("app_events").collect().is_empty()


def test_the_commands_of_the_page_run(line: CommandLine) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    for command in block.splitlines():
        assert line.call(*command.split()[1:], who="dana").code == 0


def test_a_class_that_the_policies_forgot_ends_with_code_1(
    tmp_path: Path, deps: Deps, line: CommandLine
) -> None:
    own = shutil.copytree(
        Path(loader.__file__).parent, tmp_path / "rules", ignore=shutil.ignore_patterns("*.py*")
    )
    for name in ("retention.yaml", "datamap.yaml"):
        text = (own / name).read_text(encoding="utf-8")
        (own / name).write_text(text.replace("behaviour_log", "clicks"), encoding="utf-8")
    line.settings["FIDUCIARY_POLICIES"] = str(own)
    ran = line.call("retention", "run", who="dana")
    assert (ran.code, "unknown_class" in ran.out) == (1, True)
    assert deps.events.scan("app_events").collect().height == 3
