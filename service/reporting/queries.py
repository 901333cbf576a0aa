"""What each query id in a report means, so that every number can be derived again."""

from __future__ import annotations

from typing import Final

from service.reporting.document import Text

QUERIES: Final[tuple[tuple[str, Text], ...]] = (
    (
        "segments.by_band@1",
        Text(
            "按价值分层统计客户画像表的行数与均值",
            "rows and means of the profile table by value segment",
        ),
    ),
    (
        "scores.by_grade@1",
        Text(
            "按信用等级统计评分表的行数、实际与预计违约率",
            "rows, observed and expected default rate of the score table by grade",
        ),
    ),
    (
        "model.card@1",
        Text(
            "已批准评分模型的登记信息",
            "registry entry of the approved model",
        ),
    ),
    (
        "statements.by_month@1",
        Text(
            "按月统计账单行数、逾期行数、账单与还款金额",
            "statement rows, rows overdue, billed and paid amounts by month",
        ),
    ),
    (
        "abnormal.by_rule@1",
        Text(
            "按规则统计被标记的客户数与月份数",
            "customers and months flagged by rule",
        ),
    ),
    (
        "consents.by_purpose@1",
        Text(
            "按处理目的统计最新同意的状态",
            "state of each person's newest consent by purpose",
        ),
    ),
    (
        "rights.by_kind@1",
        Text(
            "按类型统计个人权利请求",
            "rights requests by kind",
        ),
    ),
    (
        "batches.by_dataset@1",
        Text(
            "按数据集统计入库批次的行数",
            "row accounts of committed batches by dataset",
        ),
    ),
    (
        "budget.lines@1",
        Text(
            "隐私预算账本各科目",
            "scopes of the privacy budget ledger",
        ),
    ),
    (
        "releases.list@1",
        Text(
            "已发布的差分隐私结果清单",
            "differentially private releases that left",
        ),
    ),
    (
        "release.answer@1",
        Text(
            "某次发布的加噪结果，不重新计算",
            "the stored noisy answer of a release, not computed again",
        ),
    ),
    (
        "queries.list@1",
        Text(
            "本表",
            "this table",
        ),
    ),
)
