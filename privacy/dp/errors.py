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

    def __init_subclass__(cls, code: str) -> None:
        """Take the error's own short code."""
        cls.code = code

    def __init__(self, where: str) -> None:
        super().__init__(f"{self.code} at {where}")
        self.where = where


class PlanSyntaxError(PlanError, code="plan_syntax"):
    """The document is not of the grammar."""


class UnknownTableError(PlanError, code="unknown_table"):
    """No contract of that name."""


class UnknownColumnError(PlanError, code="unknown_column"):
    """The contract has no such column."""


class NotCategoryError(PlanError, code="not_a_category"):
    """A key or filter needs a column with a declared public key set."""


class UnknownKeyError(PlanError, code="unknown_key"):
    """The key is not in the declared public key set."""


class NotMeasureError(PlanError, code="not_a_measure"):
    """A sum or mean needs a column that is a required measure."""


class UnboundedError(PlanError, code="unbounded_measure"):
    """A sum or mean needs declared bounds; they are never learnt from data."""


class PeriodError(PlanError, code="period"):
    """Months are needed exactly when the table has a time column."""


class JoinError(PlanError, code="join"):
    """Only a table with at most one row per subject can be joined, and not to itself."""


class TooManyCellsError(PlanError, code="too_many_cells"):
    """The full key grid has more cells than a release may have."""


class CapacityError(PlanError, code="capacity"):
    """Bounds, rows and months together exceed what exact integers hold."""


class LossError(ValueError):
    """Not a privacy loss. ``field`` says which number was wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(f"not a privacy loss: {field}")
        self.field = field


class MechanismError(RuntimeError):
    """The noise mechanism does not give the promised privacy; no noise was drawn."""
