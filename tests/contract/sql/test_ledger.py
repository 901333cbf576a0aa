"""The budget ledger never grants more than its cap, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import count

import pytest
from fakes.clock import START
from fakes.race import ROOT, run_race
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from service.adapters.sql.tables import BUDGET_CHARGE, BUDGET_SCOPE
from service.errors import BudgetExceededError, ConflictError, UnknownError, UsageError
from service.ports import BudgetLine, Ops

SCOPE = "dataset:statements"


def test_a_charge_is_made_once_and_refused_beyond_the_cap(ops: Ops) -> None:
    with ops() as tx:
        tx.budget.open(SCOPE, 100)
        tx.budget.open(SCOPE, 9_999)
        assert tx.budget.charge("a", (SCOPE,), 60, START)
        assert not tx.budget.charge("a", (SCOPE,), 60, START)
        with pytest.raises(BudgetExceededError) as refused:
            tx.budget.charge("b", (SCOPE,), 41, START)
        assert refused.value.fields == {"scope": SCOPE, "requested": 41, "left": 40}
        assert tx.budget.charge("b", (SCOPE,), 40, START)
    with ops() as tx:
        assert tx.budget.lines() == (BudgetLine(SCOPE, 100, 100),)
        assert tx.budget.lines(("dataset:other",)) == ()


def test_all_scopes_are_charged_or_none_even_if_the_caller_goes_on(ops: Ops) -> None:
    with ops() as tx:
        tx.budget.open("actor:user:ann", 100)
        tx.budget.open(SCOPE, 10)
        with pytest.raises(BudgetExceededError):
            tx.budget.charge("a", ("actor:user:ann", SCOPE), 11, START)
        with pytest.raises(UnknownError) as unknown:
            tx.budget.charge("a", ("actor:user:ann", "dataset:nothing"), 5, START)
        assert unknown.value.fields == {"scope": "dataset:nothing"}
    with ops() as tx:
        assert [line.spent for line in tx.budget.lines()] == [0, 0]
        assert tx.budget.charge("a", (SCOPE, SCOPE, "actor:user:ann"), 10, START)
        assert [line.spent for line in tx.budget.lines()] == [10, 10]


def test_a_charge_id_stands_for_one_charge(ops: Ops) -> None:
    with ops() as tx:
        tx.budget.open(SCOPE, 100)
        tx.budget.charge("a", (SCOPE,), 10, START)
        with pytest.raises(ConflictError):
            tx.budget.charge("a", (SCOPE,), 11, START)


@pytest.mark.parametrize("rho", [0, -1, 2**63])
def test_a_charge_that_would_give_back_or_overflow_is_refused(ops: Ops, rho: int) -> None:
    with ops() as tx:
        tx.budget.open(SCOPE, 2**63 - 1)
        tx.budget.charge("a", (SCOPE,), 2**62, START)
        with pytest.raises(UsageError):
            tx.budget.charge("b", (SCOPE,), rho, START)
        with pytest.raises(UsageError):
            tx.budget.charge("b", (), 1, START)
        with pytest.raises(BudgetExceededError):
            tx.budget.charge("b", (SCOPE,), 2**63 - 1, START)


@pytest.mark.parametrize(("cap", "spent"), [(10, 11), (10, -1)])
def test_the_table_itself_refuses_more_than_the_cap(engine: Engine, cap: int, spent: int) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(BUDGET_SCOPE).values(scope="x", cap=cap, spent=spent))


SCOPES = ("a", "b", "c")
CHARGES = st.tuples(
    st.integers(0, 7), st.sets(st.sampled_from(SCOPES), min_size=1), st.integers(min_value=1, max_value=40)
)
_RUN = count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(caps=st.tuples(*[st.integers(0, 100)] * 3), charges=st.lists(CHARGES, max_size=15))
def test_the_ledger_follows_the_model(
    ops: Ops, caps: tuple[int, int, int], charges: list[tuple[int, set[str], int]]
) -> None:
    run = f"{next(_RUN)}-"
    cap = {run + scope: limit for scope, limit in zip(SCOPES, caps, strict=True)}
    spent = dict.fromkeys(cap, 0)
    seen: dict[str, tuple[set[str], int]] = {}
    with ops() as tx:
        for scope, limit in cap.items():
            tx.budget.open(scope, limit)
    for number, names, rho in charges:
        charge_id, scopes = f"{run}{number}", {run + name for name in names}
        try:
            with ops() as tx:
                result: object = tx.budget.charge(charge_id, sorted(scopes), rho, START)
        except (BudgetExceededError, ConflictError) as error:
            result = type(error)
        if charge_id in seen:
            assert result == (False if seen[charge_id] == (scopes, rho) else ConflictError)
        elif any(spent[scope] + rho > cap[scope] for scope in scopes):
            assert result is BudgetExceededError
        else:
            assert result is True
            seen[charge_id] = (scopes, rho)
            for scope in scopes:
                spent[scope] += rho
        with ops() as tx:
            assert {line.scope: line.spent for line in tx.budget.lines(sorted(cap))} == spent


CAP, COST = 1_030, 10


def test_sixteen_threads_in_four_processes_cannot_pass_the_cap(ops: Ops, database_url: str) -> None:
    with ops() as tx:
        tx.budget.open(SCOPE, CAP + 5)
    outcome = run_race(database_url, "fakes.race:charge", scope=SCOPE, rho=COST, processes=4, threads=16)
    assert outcome.granted == CAP // COST
    assert outcome.granted + outcome.refused == 4 * 16 * 3
    assert outcome.charged == outcome.spent == CAP


def test_the_race_catches_a_ledger_that_checks_and_then_writes(ops: Ops, database_url: str) -> None:
    with ops() as tx:
        tx.budget.open(SCOPE, 100)
    outcome = run_race(
        database_url, "mutants.check_then_write:charge", scope=SCOPE, rho=COST, processes=2, threads=8
    )
    assert outcome.granted > 100 // COST
    assert outcome.charged > 100


DYING = """
import sys, time
from fakes.clock import START
from service.adapters.sql.engine import make_engine
from service.adapters.sql.ops import SqlOps
with SqlOps(make_engine(sys.argv[1]), lambda: None)() as tx:
    tx.budget.charge("a", ("actor:user:ann", "dataset:statements"), 10, START)
    print("charged", flush=True)
    time.sleep(60)
"""


def test_a_process_killed_in_a_transaction_leaves_no_charge(
    ops: Ops, engine: Engine, database_url: str
) -> None:
    with ops() as tx:
        tx.budget.open("actor:user:ann", 10)
        tx.budget.open(SCOPE, 10)
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    command = [sys.executable, "-c", DYING, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "charged\n"
        dying.send_signal(signal.SIGKILL)
    with ops() as tx:
        assert [line.spent for line in tx.budget.lines()] == [0, 0]
    with engine.begin() as connection:
        assert connection.execute(select(BUDGET_CHARGE)).all() == []
    with ops() as tx:
        assert tx.budget.charge("a", ("actor:user:ann", SCOPE), 10, START)
