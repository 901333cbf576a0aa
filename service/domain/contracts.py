"""Dataset contracts: what a table may hold, and the privacy facts of each column.

The document form is Open Data Contract Standard v3 with the privacy facts as ``customProperties``; this
module holds the frozen types, ``service.domain.odcs`` reads the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """What a column is, as far as privacy is concerned."""

    SUBJECT_ID = "subject_id"  # names the data subject of the row; never stored
    DIRECT_IDENTIFIER = "direct_identifier"  # goes to the vault, never into a row
    QUASI_IDENTIFIER = "quasi_identifier"
    CATEGORY = "category"
    MEASURE = "measure"
    EVENT_TIME = "event_time"
    FREE_TEXT = "free_text"  # stored only after redaction
    PROTECTED_ATTRIBUTE = "protected_attribute"
    WEB_PATH = "web_path"  # where a click went: kept without host, query, fragment and identifiers
    CONSENT_REF = "consent_ref"  # the consent notice that an answer is bound to
    AUTHORISATION_REF = "authorisation_ref"  # the authorisation that a credit-bureau report was fetched under
    EXPIRES_ON = "expires_on"  # the last day on which the row may be used
    DISTRICT = "district"  # public code of an administrative district


class Kind(StrEnum):
    """Physical type of a column after parsing."""

    STRING = "string"
    INTEGER = "integer"  # money is an integer number of minor units
    DATE = "date"
    TIMESTAMP = "timestamp"  # an instant, in UTC to the microsecond


class Surrogates(StrEnum):
    """What stands in redacted text in the place of an identifier."""

    NUMBERED = "numbered"  # [PERSON_1]: the same person within a text
    KEYED = "keyed"  # the same person in all texts, found again with the key only


class TextProfile(StrEnum):
    """Which detection profile reads the free text of a dataset."""

    FAST = "fast"  # rules
    ACCURATE = "accurate"  # rules and language models


def longest(role: Role) -> int:
    """Characters that no text in such a column may exceed, so that no pattern ever meets a huge one."""
    return 100_000 if role is Role.FREE_TEXT else 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the values of a column are, as a hard rule; a row with another value is rejected.

    Attributes:
        minimum: smallest integer or first day, else None.
        maximum: largest integer or last day (in UTC), else None.
        pattern: regular expression without look-around that is found in the text; empty for none.
        min_length: fewest characters.
        max_length: most characters; never above what any text may have.
    """

    minimum: int | date | None = None
    maximum: int | date | None = None
    pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: ``[a-z][a-z0-9_]*``.
        role: privacy role.
        kind: physical type.
        data_class: C1, C2 or C3 after JR/T 0171-2020.
        id_type: identifier type (``cn_resident_id``, ``mobile``, ``email``, ``bank_card``, ``name``) for
            subject ids and direct identifiers, else None.
        links: whether the identifier also finds the subject in other datasets (a blind index is kept).
        keys: public key set of a category, declared, never learnt from data; empty where none.
        lower: declared lower bound of a measure, in its unit.
        upper: declared upper bound of a measure, in its unit.
        required: null is refused.
        unit: unit of a measure, such as ``TWD-cent``.
        limits: hard rules about the values, unlike ``lower`` and ``upper``, which clip a release.
        surrogates: what stands in the place of an identifier in free text.
        refers_to: ``table.key`` of the reference table that has every value; empty for none.
    """

    name: str
    role: Role
    kind: Kind
    data_class: str
    id_type: str | None = None
    links: bool = False
    keys: tuple[str, ...] = ()
    lower: int | None = None
    upper: int | None = None
    required: bool = True
    unit: str = ""
    limits: Limits = Limits()
    surrogates: Surrogates = Surrogates.NUMBERED
    refers_to: str = ""


@dataclass(frozen=True, slots=True)
class DatasetContract:
    """A dataset.

    Attributes:
        name: ``[a-z][a-z0-9_]*``.
        version: semantic version of the contract.
        title: for people.
        columns: in file order.
        purposes: purposes the data was collected for; a row is admitted when one of them has a basis.
        retention_class: key into ``policies/retention.yaml``.
        creates_subjects: whether an unknown subject id makes a new subject or is quarantined.
        row_per_subject: at most one row per subject; a later row supersedes.
        digest: ``sha256:`` of the canonical document.
        unique_by: stored columns; a subject has at most one row with the same values in them.
        order: pairs of columns; where both have a value, the first is not above the second.
        minimum_quality: score in per mille below which a batch is not taken in.
        text_profile: what its free text is read with.
    """

    name: str
    version: str
    title: str
    columns: tuple[Column, ...]
    purposes: tuple[str, ...]
    retention_class: str
    creates_subjects: bool
    row_per_subject: bool
    digest: str
    unique_by: tuple[str, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    minimum_quality: int = 0
    text_profile: TextProfile = TextProfile.FAST

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    def with_role(self, *roles: Role) -> tuple[Column, ...]:
        """The columns that have one of the roles, in file order."""
        return tuple(c for c in self.columns if c.role in roles)

    @property
    def subject(self) -> Column:
        """The one subject id column."""
        return self.with_role(Role.SUBJECT_ID)[0]

    @property
    def period(self) -> Column | None:
        """The event time column, whose month is the release grain; None for a table without time."""
        times = self.with_role(Role.EVENT_TIME)
        return times[0] if times else None

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that reach the event store."""
        return tuple(c for c in self.columns if c.role not in {Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER})
