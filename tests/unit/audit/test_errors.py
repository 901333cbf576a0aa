"""The error tree: one class per failure, fields fixed, safe to travel through context managers."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import pytest

import audit.errors
from audit.errors import (
    AuditError,
    BrokenLinkError,
    ConsistencyError,
    EntryError,
    FormatError,
    InclusionError,
    KeyFileError,
    LogCorruptError,
    LogError,
    LogExistsError,
    LogFinishedError,
    LogForkedError,
    LogMissingError,
    NotSealedError,
    ProofError,
    SignatureError,
    StorageFailedError,
    WriterEndedError,
)

EVERY = (
    EntryError("at"),
    FormatError("note", "x"),
    SignatureError("log"),
    InclusionError(1, 2),
    ConsistencyError(2, 1),
    LogExistsError("d"),
    LogMissingError("d"),
    LogCorruptError("tile", "x"),
    LogForkedError("w", 1),
    NotSealedError(1, 2),
    LogFinishedError("log"),
    StorageFailedError("append", errno.EIO),
    WriterEndedError("x"),
    KeyFileError("k", "x"),
    BrokenLinkError("l", "x"),
)


@contextlib.contextmanager
def passing() -> Iterator[None]:
    yield


@pytest.mark.parametrize("error", EVERY, ids=lambda e: type(e).__name__)
def test_error_travels_through_a_generator_context_manager_unchanged(error: AuditError) -> None:
    with pytest.raises(type(error)) as caught, passing():
        raise error
    assert caught.value is error
    assert str(error)


@pytest.mark.parametrize("error", EVERY, ids=lambda e: type(e).__name__)
def test_fields_cannot_be_changed(error: AuditError) -> None:
    name = next(iter(vars(error)))
    with pytest.raises(FrozenInstanceError):
        setattr(error, name, "other")


def test_the_drawing_names_every_class_in_its_place() -> None:
    drawn = re.findall(r"^([│├└─ ]*)(\w+Error)", audit.errors.__doc__ or "", re.MULTILINE)
    parents: dict[int, str] = {}
    seen: dict[str, str] = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        parents[depth] = name
        if depth:
            seen[name] = parents[depth - 1]
    classes = {
        c.__name__: c
        for c in vars(audit.errors).values()
        if isinstance(c, type) and issubclass(c, AuditError)
    }
    assert {*seen, "AuditError"} == set(classes)
    for name, parent in seen.items():
        assert classes[name].__bases__[0].__name__ == parent


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_says_so(code: int) -> None:
    error = StorageFailedError("append", code)
    assert error.disk_full
    assert "disk is full" in str(error)
    assert not StorageFailedError("append", errno.EIO).disk_full


def test_log_and_proof_errors_share_a_base() -> None:
    assert isinstance(NotSealedError(1, 1), LogError)
    assert isinstance(InclusionError(1, 1), ProofError)
