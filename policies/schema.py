"""Shapes of the YAML rule files. An unknown key, a missing one or a wrong type is an error."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Permission = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:[a-z_]+$")]
Place = Annotated[str, StringConstraints(pattern=r"^(dataset|vault|ops):[a-z][a-z0-9_]*$")]
Scope = Annotated[str, StringConstraints(pattern=r"^((dataset|role):[a-z][a-z0-9_]*|actor:\*)$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Title(_Shape):
    """A text in the two languages of the product."""

    en: Text
    zh: Text


class PurposeShape(_Shape):
    """See ``policies.model.Purpose``."""

    basis: Literal["consent", "contract", "legal_obligation"]
    consent_kind: Literal["plain", "separate", "written", "guardian"] | None = None
    automated_decision: bool = False
    title: Title
    law: Text


class PurposesFile(_Shape):
    """``purposes.yaml``."""

    purposes: dict[Name, PurposeShape] = Field(min_length=1)


class RetentionShape(_Shape):
    """See ``policies.model.RetentionRule``; what a class covers stands in ``datamap.yaml``."""

    outcome: Literal["delete", "restrict"]
    keep_days: int = Field(default=0, ge=0)
    use_days: int = Field(default=0, ge=0)
    purposes: list[Name] = []
    needs: list[Name] = []
    title: Title
    law: Text


class RetentionFile(_Shape):
    """``retention.yaml``."""

    retention: dict[Name, RetentionShape] = Field(min_length=1)


class BudgetShape(_Shape):
    """See ``policies.model.BudgetRule``."""

    scope: Scope
    rho: int = Field(gt=0)
    delta_exponent: int = Field(ge=5, le=20)


class BudgetsFile(_Shape):
    """``budgets.yaml``."""

    budgets: list[BudgetShape] = Field(min_length=1)


class DataMapFile(_Shape):
    """``datamap.yaml``."""

    places: dict[Place, Name] = Field(min_length=1)


class MatchingShape(_Shape):
    """See ``policies.model.Matching``."""

    accept: int = Field(ge=500, le=1000)
    review: int = Field(ge=500, le=1000)


class MatchingFile(_Shape):
    """``matching.yaml``."""

    matching: MatchingShape


class DeniedShape(_Shape):
    """See ``policies.denied.DeniedFeature``."""

    title: Title
    law: Text
    en: list[Text] = Field(min_length=1)
    zh: list[Text] = Field(min_length=1)


class BasisShape(_Shape):
    """See ``policies.denied.Basis``."""

    dataset: Name
    column: Name
    feature: Name
    law: Text
    why: Text


class DeniedExample(_Shape):
    """A text with the feature that it must be refused for, or ``none``."""

    text: Text
    feature: Name


class DeniedFile(_Shape):
    """``denied_features.yaml``."""

    denied: dict[Name, DeniedShape] = Field(min_length=1)
    basis: list[BasisShape]
    examples: list[DeniedExample] = Field(min_length=1)


class JurisdictionFile(_Shape):
    """``jurisdictions/<code>.yaml``; see ``policies.model.Jurisdiction``."""

    title: Title
    clocks: dict[Name, Annotated[int, Field(gt=0)]]
    working_days: list[Name]
    clauses: dict[Text, Text] = Field(min_length=1)


class ApartShape(_Shape):
    """Two roles that one person may not hold together, and why."""

    roles: list[Name] = Field(min_length=2, max_length=2)
    why: Text


class RolesFile(_Shape):
    """``access/roles.yaml``."""

    roles: dict[Name, Title] = Field(min_length=1)
    permissions: dict[Name, list[Name]] = Field(min_length=1)
    four_eyes: dict[Permission, Permission]
    apart: list[ApartShape]
    never: dict[Name, list[Permission]]


class ExampleRequest(_Shape):
    """What is asked in an example."""

    roles: list[Name]
    permission: Permission
    data_class: str = "C1"
    purpose: str = ""
    facts: list[Name] = []


class Example(_Shape):
    """A request with the decision it must get."""

    name: Text
    request: ExampleRequest
    decision: Literal["allow", "deny"]
    reason: Text


class ExamplesFile(_Shape):
    """``examples/*.yaml``."""

    examples: list[Example] = Field(min_length=1)
