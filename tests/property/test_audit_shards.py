"""Any order of appends in any years, through two writers that publish and reopen at will."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from fakes.audit_forks import quick_folder
from fakes.audit_logs import entry
from fakes.audit_shards import NAME, keys, new_year, numbers, open_shards
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import parse_entry
from audit.evidence import Place
from audit.shards import create_shards
from audit.verify_shards import verify_logs

APPEND = st.tuples(st.just("append"), st.integers(0, 1), st.integers(2020, 2030), st.integers(1, 3))
OTHER = st.tuples(st.sampled_from(["publish", "reopen"]), st.integers(0, 1), st.just(0), st.just(0))
STEPS = st.lists(APPEND | APPEND | OTHER, max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.integers(2019, 2031), STEPS)
def test_what_was_acknowledged_is_there_in_order_in_logs_that_verify(
    start: int, steps: Sequence[tuple[str, int, int, int]]
) -> None:
    with quick_folder() as folder:
        create_shards(folder / "log", NAME, keys, start)
        writers, sent = [open_shards(folder / "log") for _ in range(2)], list[int]()
        years = [start]
        for step, who, year, count in steps:
            if step == "append":
                fresh = range(len(sent), len(sent) + count)
                writers[who].append(*map(entry, fresh), at=new_year(year))
                sent += fresh
                years.append(year)
            elif step == "publish":
                writers[who].publish()
            else:
                writers[who] = open_shards(folder / "log")
        (last := open_shards(folder / "log")).publish()
        assert numbers(folder / "log") == sent  # one process at a time, so all are in one order
        assert last.years() == sorted({*accumulate(years, max)})
        facts = verify_logs(folder / "log")
        assert [log.origin for log in facts.logs] == [last.origin(year) for year in last.years()]
        assert facts.size == len(sent) + 2 * (len(facts.logs) - 1)
        for old, new in pairwise(last.years()):
            place = Place(last.origin(old), last.head(old).size - 1)
            evidence = last.evidence([place])
            assert parse_entry(evidence.entries[place]).resource == last.origin(new)
            assert len(evidence.entries) == 1 + sum(year > old for year in last.years())
