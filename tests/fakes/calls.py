"""Calls with texts that only the profile ``accurate`` reads to the end, and the ways that they come in by."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from fakes.contract_documents import format_contract
from fakes.contracts import make_contract
from fakes.house import House
from fakes.pushing import Batch
from fakes.source_database import SourceDatabase, row
from fakes.streams import MemoryStream
from starlette.testclient import TestClient

from service.api.app import create_app
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, TextProfile
from service.domain.odcs import canonical_json, parse_contract
from service.errors import FiduciaryError, UsageError
from service.usecases.consume import consume
from service.usecases.correction import release
from service.usecases.datasets import add_dataset
from service.usecases.export import pull
from service.usecases.ingest import ingest
from service.usecases.push import add_source

#: A name without a cue, a foreign telephone number, the address of a page.
TEXTS: Final = (
    "Aaron Whitfield disputes the late fee.",
    "Reach her at +44 20 7946 0958 after six, page https://forum.example.org/m/oduya",
)
NEEDLES: Final = ("Whitfield", "7946 0958", "forum.example.org")
MISSING: Final = "make accurate"


def calls(profile: TextProfile = TextProfile.ACCURATE, **changes: object) -> dict[str, object]:
    """The contract ``contacts``, under a purpose that asks no consent, as a document."""
    contract = replace(
        make_contract(), text_profile=profile, purposes=("contract_performance",), creates_subjects=True
    )
    return format_contract(replace(contract, **changes))  # type: ignore[arg-type]  # names are those of the class


def register(house: House, document: dict[str, object]) -> DatasetContract:
    """Put the contract in force as the steward does."""
    contract, text = parse_contract(document), canonical_json(document)
    return add_dataset(contract, text, actor=house.actor("dana"), deps=house.deps)


def by_file(house: House, folder: Path) -> None:
    """From a file."""
    ingest(_csv(folder / "a.csv"), "contacts", actor=house.actor("dana"), deps=house.deps)


def reject(house: House, folder: Path) -> str:
    """A batch of two rows that are both rejected; the same one when it is asked for again."""
    bad = _csv(folder / "bad.csv", day="4.3.2026", texts=("-", "-"))
    return ingest(bad, "contacts", actor=house.actor("dana"), deps=house.deps).id


def by_correction(house: House, folder: Path) -> None:
    """As corrected rows of a batch that was rejected."""
    origin = reject(house, folder)
    header, *lines = _csv(folder / "c.csv").read_text(encoding="utf-8").splitlines()
    numbered = [f"_source_row,{header}", *(f"{n},{line}" for n, line in enumerate(lines, 1))]
    (folder / "c.csv").write_text("\n".join(numbered) + "\n", encoding="utf-8")
    release(origin, folder / "c.csv", actor=house.actor("dana"), deps=house.deps)


def by_pull(house: House, folder: Path) -> None:
    """From a table of another database."""
    known = (folder / "source.sqlite").exists()
    database = SourceDatabase(f"sqlite:///{folder / 'source.sqlite'}")
    if not known:
        database.create()
        database.add(*(row(mobile=f"1540000000{n}", text=text) for n, text in enumerate(TEXTS)))
    pull(database.export(), "contacts", actor=house.actor("dana"), deps=house.deps)


def by_stream(house: House, _folder: Path) -> None:
    """From a stream."""
    fields = {"day": "2005-04-01", "channel": "phone", "amount": 7}
    rows = [{"mobile": f"1540000000{n}", **fields, "text": text} for n, text in enumerate(TEXTS)]
    stream = MemoryStream([json.dumps(row).encode() for row in rows])
    list(consume(stream, "contacts", actor=house.actor("dana"), deps=house.deps, once=True))


def by_push(house: House, folder: Path) -> None:
    """Pushed by another system; what it is answered is raised again."""
    names = (frozenset({"contacts"}), frozenset({"contract_performance"}))
    secret = add_source("core", *names, actor=Actor("user:admin", frozenset({"admin"})), deps=house.deps)
    batch = Batch(
        _csv(folder / "p.csv").read_bytes(), "core", secret, purpose="contract_performance",
        url="/v1/datasets/contacts/batches?filename=p.csv",
    )  # fmt: skip
    with TestClient(create_app(house.deps), raise_server_exceptions=False) as client:
        answer = batch.send(client, house.clock.now())
    if answer.status_code != 201:
        raise UsageError(answer.text)


Way = Callable[[House, Path], None]
WAYS: Final[tuple[Way, ...]] = (by_file, by_correction, by_pull, by_stream, by_push)


def refusal(way: Way, house: House, folder: Path) -> str:
    """What is said when a way in is closed; empty when it was not."""
    try:
        way(house, folder)
    except FiduciaryError as error:
        return str(error)
    return ""


def _csv(path: Path, *, day: str = "2005-04-01", texts: tuple[str, ...] = TEXTS) -> Path:
    lines = [f'1540000000{n},{day},phone,7,"{text}"' for n, text in enumerate(texts)]
    path.write_text("\n".join(["mobile,day,channel,amount,text", *lines]) + "\n", encoding="utf-8")
    return path
