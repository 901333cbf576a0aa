import pytest
from fakes.fuses import WHENS, Fuse, When, wire
from fakes.house import House

from audit.entry import Entry
from service.errors import AuditUnavailableError, StorageError


def an_entry(house: House) -> Entry:
    return Entry(id="0" * 32, at=house.clock.now(), type="test:fuse", actor="user:ann")


def fused(house: House) -> int:
    return sum(entry.type == "test:fuse" for _, entry in house.deps.audit.entries())


@pytest.mark.parametrize("when", WHENS)
def test_the_log_fails_before_or_after_it_is_durable(house: House, when: When) -> None:
    deps = wire(house.deps, Fuse(1, when), lambda: None)
    deps.audit.append(an_entry(house))
    with pytest.raises(AuditUnavailableError):
        deps.audit.append(an_entry(house))
    assert fused(house) == (2 if when == "after" else 1)


@pytest.mark.parametrize("when", WHENS)
def test_the_database_keeps_only_what_was_committed(house: House, when: When) -> None:
    deps = wire(house.deps, Fuse(0, when), lambda: None)
    with pytest.raises(StorageError), deps.ops() as tx:
        tx.budget.open("dataset:fuse", 5)
    with house.deps.ops() as tx:
        assert len(tx.budget.lines(("dataset:fuse",))) == (1 if when == "after" else 0)


def test_reading_rows_is_seen_and_can_fail(house: House) -> None:
    seen: list[str] = []
    fuse = Fuse(1)
    deps = wire(house.deps, fuse, lambda: seen.append("read"))
    assert deps.events.scan("customers").collect().height > 0
    with pytest.raises(StorageError):
        deps.events.scan("customers")
    assert (seen, fuse.blown, fuse.steps) == (["read"], True, 2)
