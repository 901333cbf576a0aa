"""What a plan, a privacy loss or a mechanism can get wrong: one class per failure.

Errors name the place in the document (``keys[1]``), never the text that stood there: a caller may have put a
person's name into it. A refusal depends on the plan and on public facts only, never on data.

PlanError                   the plan cannot be answered
├── PlanSyntaxError         not a document of the grammar
├── UnknownTableError       a dataset without a contract
├── UnknownColumnError      a column that the contract does not have
├── NotCategoryError        a key or filter over a column without a public key set
├── UnknownKeyError         a filter names a key outside the public key set
├── NotMeasureError         a sum or mean over something that is not a required number
├── UnboundedError          a sum or mean over a column without declared bounds
├── PeriodError             months given for a table without time, or missing for one with time
├── JoinError               a joined table has more than one row per subject
├── TooManyCellsError       the key grid is larger than allowed
└── CapacityError           bounds so wide that integers would not hold the noise
LossError                   not a privacy loss: not an integer, not positive, too small to split
MechanismError              the noise would not give the promised privacy
"""

from __future__ import annotations

from typing import ClassVar


class PlanError(ValueError):
    """The plan cannot be answered. ``where`` is a place in the document."""

    code: ClassVar[str] = "plan"

    def __init__(self, where: str) -> None:
        super().__init__(f"{self.code} at {where}")
        self.where = where


class PlanSyntaxError(PlanError):
    """The document is not of the grammar."""

    code = "plan_syntax"


class UnknownTableError(PlanError):
    """No contract of that name."""

    code = "unknown_table"


class UnknownColumnError(PlanError):
    """The contract has no such column."""

    code = "unknown_column"


class NotCategoryError(PlanError):
    """A key or filter needs a column with a declared public key set."""

    code = "not_a_category"


class UnknownKeyError(PlanError):
    """The key is not in the declared public key set."""

    code = "unknown_key"


class NotMeasureError(PlanError):
    """A sum or mean needs a column that is a required measure."""

    code = "not_a_measure"


class UnboundedError(PlanError):
    """A sum or mean needs declared bounds; they are never learnt from data."""

    code = "unbounded_measure"


class PeriodError(PlanError):
    """Months are needed exactly when the table has a time column."""

    code = "period"


class JoinError(PlanError):
    """Only a table with at most one row per subject can be joined, and not to itself."""

    code = "join"


class TooManyCellsError(PlanError):
    """The full key grid has more cells than a release may have."""

    code = "too_many_cells"


class CapacityError(PlanError):
    """Bounds, rows and months together exceed what exact integers hold."""

    code = "capacity"


class LossError(ValueError):
    """Not a privacy loss. ``field`` says which number was wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(f"not a privacy loss: {field}")
        self.field = field


class MechanismError(RuntimeError):
    """The noise mechanism does not give the promised privacy; no noise was drawn."""
