"""Whose data may be read for a purpose now, and how one customer is addressed.

Asked again before every read, so that a consent withdrawn or a restriction set a moment ago counts.
"""

from __future__ import annotations

import json
from typing import Final

import polars as pl

from policies.model import Purpose
from privacy.consent.gate import WITHDRAWN, admit
from privacy.consent.records import CONSENTS
from privacy.errors import UnknownIdentifierTypeError
from privacy.pseudonym.blind_index import blind_index
from privacy.pseudonym.normalise import normalise
from service.errors import ConflictError, UnknownError, UsageError
from service.ports import Deps
from service.usecases.access import Act
from service.usecases.admission import need_of
from service.usecases.persons import mains, parts

#: Standing flag of a customer who refuses decisions by automation alone.  # PIPL 24(3), GDPR 22
OBJECTED: Final = "no_automated_decision"
OBJECTION: Final = "objected_to_automated_decision"
RESTRICTED: Final = "restricted"
#: What one enrolment of a person says for all of them; consent to a purpose may stand in any.
_STOPS: Final = (RESTRICTED, OBJECTION, WITHDRAWN)
_SP_BYTES: Final = 16


def audience(code: str, deps: Deps) -> pl.DataFrame:
    """Everyone who may be processed for a purpose.

    Returns:
        ``_subject`` Int64, ``_sp`` Binary(16): living, unrestricted, with a lawful basis and, where the
        purpose decides automatically, without an objection.

    Raises:
        UnknownError: no such purpose.
    """
    purpose = _purpose(code, deps)
    people = deps.vault.pseudonyms()
    with deps.ops() as tx:
        consents = tx.consents.frame(purpose.code)
    reason = _reasons(people["_subject"], consents, purpose, deps)
    return people.filter(reason.is_null()).select("_subject", "_sp")


def refusal(subject: int, code: str, deps: Deps) -> str | None:
    """Why one customer may not be processed for a purpose now; None when they may."""
    purpose = _purpose(code, deps)
    person = parts(subject, deps)
    if deps.vault.pseudonyms([subject]).is_empty():
        return RESTRICTED
    with deps.ops() as tx:
        records = [r for part in person for r in tx.consents.of(part) if r.purpose == code]
    rows = [(r.subject, r.purpose, r.kind.value, r.given_at, r.valid_until, r.withdrawn_at) for r in records]
    consents = pl.DataFrame(rows, schema=CONSENTS, orient="row")
    reason: str | None = _reasons(pl.Series(person, dtype=pl.Int64), consents, purpose, deps)[0]
    return reason


def _reasons(subjects: pl.Series, consents: pl.DataFrame, purpose: Purpose, deps: Deps) -> pl.Series:
    """Per subject, null where their person may be processed; what stops one enrolment stops the person."""
    with deps.ops() as tx:
        objected = tx.requests.flagged(OBJECTED) if purpose.automated_decision else frozenset[int]()
    frame = pl.DataFrame({"_subject": subjects}).with_columns(
        reason=pl.when(subjects.is_in(sorted(deps.vault.restricted())))
        .then(pl.lit(RESTRICTED))
        .when(subjects.is_in(sorted(objected)))
        .then(pl.lit(OBJECTION))  # PIPL 24(3)
        .otherwise(admit(subjects, consents, need=need_of(purpose), at=deps.clock.now()))
    )
    merged = mains(deps)
    if not merged:
        return frame["reason"]
    person = pl.col("_subject").replace(merged)
    reason = pl.col("reason")
    stopped = reason.filter(reason.is_in(_STOPS)).first().over(person)
    allowed = reason.is_null().any().over(person)
    return frame.select(pl.coalesce(stopped, pl.when(~allowed).then(reason))).to_series()


def _purpose(code: str, deps: Deps) -> Purpose:
    purpose = deps.policy.bundle.purposes.get(code)
    if purpose is None:
        raise UnknownError("no such purpose")
    return purpose


def find_subject(purpose: str, *, id_type: str, value: str, pseudonym: str, deps: Deps) -> int:
    """The customer behind an identifier, or behind a pseudonym made for this very purpose.

    Of merged enrolments it is the one the person is called by. The pseudonym is found forwards, by comparing
    with everyone's pseudonym under the purpose: reading a score needs no way back to a person, so it is given
    none.

    Raises:
        UsageError: a malformed identifier or pseudonym; it is never echoed.
        UnknownError: it is nobody's.
    """
    if bool(value) == bool(pseudonym):
        raise UsageError("give either an identifier or a pseudonym")
    if pseudonym:
        try:
            wanted = bytes.fromhex(pseudonym)
        except ValueError:
            wanted = b""
        if len(wanted) != _SP_BYTES:
            raise UsageError("a pseudonym is 32 hex digits")
        found = deps.vault.find_pseudonym(purpose, wanted)
    else:
        found = subject_with(id_type, normal_identifier(id_type, value), deps)
    if found is None:
        raise UnknownError("no customer is known by this")
    return mains(deps).get(found, found)


def processable(act: Act, purpose: str, *, id_type: str, value: str, pseudonym: str) -> bytes:
    """The storage pseudonym of a customer who may be processed for the act's purpose, which must be this one.

    Raises:
        DeniedError: logged, as one about the customer.
        UsageError, UnknownError: as ``find_subject``.
    """
    subject = find_subject(act.purpose, id_type=id_type, value=value, pseudonym=pseudonym, deps=act.deps)
    row_key = storage_pseudonym(subject, act.deps)
    why = refusal(subject, purpose, act.deps) if act.purpose == purpose else "other_purpose"
    if why is not None:
        act.refuse(why, "the customer may not be processed for this purpose", about=row_key)
    return row_key


def normal_identifier(id_type: str, value: str) -> str:
    """One identifier in normal form. Raises UsageError; the value is never echoed."""
    try:
        normal = normalise(pl.Series([value], dtype=pl.String), id_type)[0]
    except UnknownIdentifierTypeError:
        raise UsageError("unknown identifier type") from None
    if normal is None:
        raise UsageError("the identifier is not a valid one of its type", id_type=id_type)
    return str(normal)


def subject_with(id_type: str, normal: str, deps: Deps) -> int | None:
    """The subject with this identifier, if any."""
    blind = blind_index(pl.Series([normal]), deps.keyring.index_key(id_type))
    return deps.vault.find(id_type, bytes(blind[0]))


def storage_pseudonym(subject: int, deps: Deps) -> bytes:
    """The pseudonym that the subject's rows are stored under. Raises ConflictError once the keys are gone."""
    found = deps.vault.pseudonyms([subject])
    if found.is_empty():
        raise ConflictError("the subject's keys are destroyed already")
    return bytes(found.item(0, "_sp"))


def sealed_documents(subject: int, deps: Deps) -> dict[str, dict[str, object]]:
    """What the vault holds of one person: identifiers by name of the sealed document."""
    covers = [cover for rule in deps.policy.bundle.retention.values() for cover in rule.covers]
    names = [name for kind, _, name in (cover.partition(":") for cover in covers) if kind == "vault"]
    opened = {name: deps.vault.open(subject, name) for name in names}
    return {name: json.loads(document) for name, document in opened.items() if document}
