"""The report's sections about governance: intake, consent, rights, budget, noisy releases, sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.reporting import prose
from service.reporting.document import Cell, Column, Section, Source, Table, Text
from service.reporting.facts import BehaviourFacts, ReleaseFact
from service.reporting.queries import QUERIES
from service.reporting.suppression import people
from service.reporting.words import NOT_APPLICABLE

RIGHT_TITLES: Final[Mapping[str, Text]] = {
    "access": Text("查阅复制", "Access"),
    "erasure": Text("删除", "Erasure"),
    "restriction": Text("限制处理", "Restriction"),
    "objection": Text("拒绝自动化决策", "Objection to automated decisions"),
}
PRINTED_CELLS: Final = 12


def intake(facts: BehaviourFacts) -> Section:
    """Rows in = admitted + quarantined + refused."""
    table = Table(
        id="intake",
        title=Text("数据入库账目", "Rows taken in"),
        source=Source("batches.by_dataset@1", ("ops:batches",)),
        columns=(
            Column("dataset", Text("数据集", "Dataset"), "text"),
            Column("batches", Text("批次", "Batches"), "count"),
            Column("rows", Text("来源行数", "Rows in"), "count"),
            Column("admitted", Text("准入", "Admitted"), "count"),
            Column("quarantined", Text("隔离", "Quarantined"), "count"),
            Column("refused", Text("无合法性基础而拒绝", "Refused, no basis"), "count"),
        ),
        rows=tuple(
            (b.dataset, b.batches, b.rows, b.admitted, b.quarantined, b.refused) for b in facts.batches
        ),
        note=prose.INTAKE,
    )
    return Section("intake", Text("数据来源", "Data taken in"), (), (table,))


def consent(facts: BehaviourFacts) -> Section:
    """Consents by purpose."""
    rows: list[tuple[Cell, ...]] = []
    for row in facts.consents.sort("purpose").iter_rows(named=True):
        code = row["purpose"]
        numbers = (int(row["standing"]), int(row["withdrawn"]), int(row["expired"]))
        shown = tuple(people(n) for n in numbers)
        rows.append((facts.purposes.get(code, Text(code, code)), *shown))
    table = Table(
        id="consents",
        title=Text("各处理目的的同意状态", "State of consents by purpose"),
        source=Source("consents.by_purpose@1", ("ops:consents",)),
        columns=(
            Column("purpose", Text("处理目的", "Purpose"), "text"),
            Column("standing", Text("有效", "Standing"), "count"),
            Column("withdrawn", Text("已撤回", "Withdrawn"), "count"),
            Column("expired", Text("已过期", "Expired"), "count"),
        ),
        rows=tuple(rows),
    )
    return Section(
        "consent",
        Text("同意", "Consent"),
        (prose.CONSENT,),
        (table,),
    )


def rights(facts: BehaviourFacts) -> Section:
    """Requests by kind; few and shown as they are: a number of requests tells nothing of a person."""
    table = Table(
        id="rights",
        title=Text("个人权利请求", "Rights requests"),
        source=Source("rights.by_kind@1", ("ops:requests",)),
        columns=(
            Column("right", Text("权利", "Right"), "text"),
            Column("opened", Text("受理", "Opened"), "number"),
            Column("done", Text("办结", "Done"), "number"),
            Column("refused", Text("驳回", "Refused"), "number"),
            Column("expired", Text("未核实失效", "Expired unverified"), "number"),
            Column("open", Text("在办", "Open"), "number"),
            Column("late", Text("逾期", "Past deadline"), "number"),
        ),
        rows=tuple(
            (
                RIGHT_TITLES.get(r.right, Text(r.right, r.right)),
                r.opened,
                r.done,
                r.refused,
                r.expired,
                r.open,
                r.late,
            )
            for r in facts.rights
        ),
        note=prose.REQUESTS,
    )
    return Section("rights", Text("个人权利", "Rights of data subjects"), (), (table,))


def budget(facts: BehaviourFacts) -> Section:
    """What privacy loss was allowed and spent."""
    rows: list[tuple[Cell, ...]] = [
        (line.scope, line.cap, line.spent, line.cap - line.spent, line.spent / line.cap if line.cap else None)
        for line in facts.budget
    ]
    table = Table(
        id="budget",
        title=Text("隐私预算（zCDP 的 ρ）", "Privacy budget (rho of zCDP)"),
        source=Source("budget.lines@1", ("ops:budget",)),
        columns=(
            Column("scope", Text("科目", "Scope"), "text"),
            Column("cap", Text("上限", "Cap"), "micro"),
            Column("spent", Text("已用", "Spent"), "micro"),
            Column("left", Text("剩余", "Left"), "micro"),
            Column("share", Text("使用率", "Used"), "share"),
        ),
        rows=tuple(rows),
    )
    return Section(
        "budget",
        Text("隐私预算", "Privacy budget"),
        (prose.BUDGET,),
        (table,),
    )


def releases(facts: BehaviourFacts) -> Section:
    """Noisy answers, apart from exact figures."""
    listing = Table(
        id="releases",
        title=Text("已发布结果", "Releases"),
        source=Source("releases.list@1", ("ops:releases",)),
        columns=(
            Column("id", Text("编号", "Id"), "code"),
            Column("question", Text("问题", "Question"), "text"),
            Column("epsilon", Text("ε", "Epsilon"), "micro"),
            Column("rho", Text("ρ", "Rho"), "micro"),
            Column("entry", Text("日志序号", "Log entry"), "number"),
        ),
        rows=tuple((r.id, r.question, r.epsilon, r.rho, r.entry) for r in facts.releases),
        basis="private",
    )
    return Section(
        "releases",
        Text("差分隐私发布", "Differentially private releases"),
        (prose.RELEASES,),
        (listing, *(_answer(r) for r in facts.releases)),
    )


def _answer(release: ReleaseFact) -> Table:
    return Table(
        id=f"release-{release.id[:12]}",
        title=Text(f"结果 {release.id[:12]}", f"Answer {release.id[:12]}"),
        source=Source("release.answer@1", (f"release:{release.id}", *release.data_version.split(","))),
        columns=(
            Column("key", Text("分组", "Group"), "text"),
            Column("measure", Text("指标", "Measure"), "text"),
            Column("estimate", Text("估计值", "Estimate"), "number"),
            Column("low", Text("95% 下限", "95 % low"), "number"),
            Column("high", Text("95% 上限", "95 % high"), "number"),
        ),
        rows=tuple(
            (k, m, NOT_APPLICABLE if v is None else v, low, high) for k, m, v, low, high in release.cells
        ),
        basis="private",
        printed=PRINTED_CELLS,
    )


def appendix() -> Section:
    """What each query id means."""
    table = Table(
        id="queries",
        title=Text("查询定义", "Queries"),
        source=Source("queries.list@1", ("reporting:queries",)),
        columns=(
            Column("query", Text("查询", "Query"), "name"),
            Column("meaning", Text("含义", "Meaning"), "text"),
        ),
        rows=QUERIES,
    )
    return Section(
        "appendix",
        Text("附录：数据来源说明", "Appendix: where the numbers come from"),
        (prose.SOURCES,),
        (table,),
    )
