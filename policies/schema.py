"""Shapes of the YAML rule files. An unknown key, a missing one or a wrong type is an error."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Permission = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:[a-z_]+$")]
Place = Annotated[str, StringConstraints(pattern=r"^(dataset|vault|ops):[a-z][a-z0-9_]*$")]
Scope = Annotated[str, StringConstraints(pattern=r"^((dataset|role):[a-z][a-z0-9_]*|actor:\*)$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Shape(BaseModel):
    """Strict, and closed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Title(Shape):
    """A text in the two languages of the product."""

    en: Text
    zh: Text


class PurposeShape(Shape):
    """See ``policies.model.Purpose``."""

    basis: Literal["consent", "contract", "legal_obligation"]
    consent_kind: Literal["plain", "separate", "written", "guardian"] | None = None
    automated_decision: bool = False
    title: Title
    law: Text


class PurposesFile(Shape):
    """``purposes.yaml``."""

    purposes: dict[Name, PurposeShape] = Field(min_length=1)


class RetentionShape(Shape):
    """See ``policies.model.RetentionRule``; what a class covers stands in ``datamap.yaml``."""

    outcome: Literal["delete", "restrict"]
    keep_days: int = Field(default=0, ge=0)
    use_days: int = Field(default=0, ge=0)
    purposes: list[Name] = []
    needs: list[Name] = []
    title: Title
    law: Text


class LogsShape(Shape):
    """Days for which the entries of each log are kept; the least is what the laws ask."""

    governance: int = Field(ge=3653)  # AML 34: ten years
    access: int = Field(ge=1096)  # PIPL 56: three years


class RetentionFile(Shape):
    """``retention.yaml``."""

    logs: LogsShape
    retention: dict[Name, RetentionShape] = Field(min_length=1)


class BudgetShape(Shape):
    """See ``policies.model.BudgetRule``."""

    scope: Scope
    rho: int = Field(gt=0)
    delta_exponent: int = Field(ge=5, le=20)


class BudgetsFile(Shape):
    """``budgets.yaml``."""

    budgets: list[BudgetShape] = Field(min_length=1)


class DataMapFile(Shape):
    """``datamap.yaml``."""

    places: dict[Place, Name] = Field(min_length=1)


class MatchingShape(Shape):
    """See ``policies.model.Matching``."""

    accept: int = Field(ge=500, le=1000)
    review: int = Field(ge=500, le=1000)


class MatchingFile(Shape):
    """``matching.yaml``."""

    matching: MatchingShape


class DeniedShape(Shape):
    """See ``policies.denied.DeniedFeature``."""

    title: Title
    law: Text
    en: list[Text] = Field(min_length=1)
    zh: list[Text] = Field(min_length=1)


class BasisShape(Shape):
    """See ``policies.denied.Basis``."""

    dataset: Name
    column: Name
    feature: Name
    law: Text
    why: Text


class DeniedExample(Shape):
    """A text with the feature that it must be refused for, or ``none``."""

    text: Text
    feature: Name


class DeniedFile(Shape):
    """``denied_features.yaml``."""

    denied: dict[Name, DeniedShape] = Field(min_length=1)
    basis: list[BasisShape]
    examples: list[DeniedExample] = Field(min_length=1)


class NoticeShape(Shape):
    """See ``policies.model.Notice``."""

    title: Title
    law: Title
    hours: int = Field(ge=0, le=24 * 366)
    start: Literal["known", "closed"] = "known"
    grade: Name | Literal[""] = ""
    since: date


class JurisdictionFile(Shape):
    """``jurisdictions/<code>.yaml``; see ``policies.model.Jurisdiction``."""

    title: Title
    clocks: dict[Name, Annotated[int, Field(gt=0)]]
    working_days: list[Name]
    notices: list[NoticeShape]
    grades: dict[Name, Annotated[int, Field(gt=0)]] = {}
    clauses: dict[Text, Text] = Field(min_length=1)


class ApartShape(Shape):
    """Two roles that one person may not hold together, and why."""

    roles: list[Name] = Field(min_length=2, max_length=2)
    why: Text


class RolesFile(Shape):
    """``access/roles.yaml``."""

    roles: dict[Name, Title] = Field(min_length=1)
    permissions: dict[Name, list[Name]] = Field(min_length=1)
    four_eyes: dict[Permission, Permission]
    apart: list[ApartShape]
    never: dict[Name, list[Permission]]
