"""The report's sentences, in both languages."""

from __future__ import annotations

from typing import Final

from service.reporting.document import Text

SEGMENTS: Final = Text(
    "每位同意价值分析的客户按贡献、还款可靠性与使用趋势归入且仅归入一个分层。分层规则事先公布，"
    "性别、年龄与婚姻状况不参与计算。",
    "Every customer who consented to value analysis falls into exactly one segment, by contribution, "
    "reliability of repayment and direction of use. The rules are declared beforehand; sex, age and "
    "marital status take no part.",
)
MARGINS: Final = Text(
    "贡献按公布的比率估算：结转余额每月 1.25%，消费 1.5%。分层不用于定价，也不用于授信决策。",
    "Contribution is estimated at declared margins: 1.25 % a month of balances carried on, 1.5 % of "
    "spending. Segments enter neither prices nor credit decisions.",
)
RISK: Final = Text(
    "评分卡由差分隐私计数训练，每个分值均可手工复核；"
    "等级 A 风险最低。只对单独同意信用评分、且未拒绝自动化决策的客户评分。"
    "违约为账单期之后一个月的实际结果。",
    "The scorecard is trained from differentially private counts and every point can be redone by "
    "hand; grade A is the lowest risk. Only customers who gave separate consent to credit scoring and"
    " did not object to automated decisions are scored. Default is the outcome of the month after.",
)
NO_TOTAL_RATES: Final = Text(
    "合计行不列比率，以免推算被隐去的小组。",
    "The totals row shows no rates, so that hidden groups cannot be worked out.",
)
MODEL: Final = Text(
    "模型分值与质量指标均由加噪计数得出；三万客户时 AUC 的噪声约为 ±0.01。",
    "Points and measures of the model are derived from noisy counts; with 30,000 customers the noise "
    "of the AUC is about ±0.01.",
)
ABNORMAL: Final = Text(
    "规则只将客户与其自身以往月份比较，阈值与最低金额事先公布。",
    "Rules compare a customer with that customer's own earlier months; limits and floors are declared.",
)
FLAGS: Final = Text(
    "命中只提示人工复核，不构成对客户的决定。一位客户可命中多条规则。",
    "A flag asks a person to look; it decides nothing. One customer may be flagged by several rules.",
)
INTAKE: Final = Text(
    "来源行数 = 准入 + 隔离 + 拒绝。",
    "Rows in = admitted + quarantined + refused.",
)
CONSENT: Final = Text(
    "每次读取前逐人核对同意；撤回对其后的任何读取立即生效。",
    "Consent is checked person by person before every read; a withdrawal is effective for every read "
    "that starts after it.",
)
REQUESTS: Final = Text(
    "请求件数是工作量统计，不是客户特征，因此不隐去小数。",
    "Numbers of requests describe the institution's work, not its customers, so small ones are shown.",
)
BUDGET: Final = Text(
    "每次发布前先记账后加噪；额度用尽即拒绝。本报告的精确数据不消耗预算，只报送监管机构。",
    "Every release is charged before noise is drawn and refused when the budget is used up. The exact"
    " figures of this report spend no budget; they go to the regulator only.",
)
RELEASES: Final = Text(
    "以下为加噪结果，与前文精确数据分开列示，不应相互比对以推断个人。区间的置信水平为 95%。",
    "These are noisy answers, listed apart from the exact figures above. Intervals hold with 95 % "
    "confidence.",
)
SOURCES: Final = Text(
    "每张表注明查询与所读数据表的版本，可据此重新计算。证据包内的日志证明可在无网络、无数据库、无密钥的条件下验证。",
    "Every table names its query and the versions of the tables read, so that it can be computed "
    "again. The log proofs in the bundle are verified without network, database or secret.",
)
