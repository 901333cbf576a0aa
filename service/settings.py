"""Settings. The only module that reads the environment (``FIDUCIARY_*``, ``TRACEPARENT``)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.errors import UsageError

_ORIGIN: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,80}(?:/(?!\.)[A-Za-z0-9._-]{1,80}){0,4}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are.

    Attributes:
        home: data directory.
        database_url: SQLAlchemy URL of the operational database; SQLite below ``home`` by default.
        vault_url: SQLAlchemy URL of the vault; a separate SQLite file by default.
        policies: directory of the policy files; the ones shipped with the package by default.
        origin: what the names of the audit logs begin with, a schema-less URL.
        trust: C2SP tlog-policy file; its witnesses with a URL cosign the log.
        buckets: partitions of the event store, fixed when it is created.
        token: API token of whoever runs the command line.
        traceparent: W3C trace context of whoever runs the command line.
        report_certificate: PEM file of the report key's certificate, those above it and the authority's.
        report_crls: revocation lists for all of these.
        report_key: PKCS #11 URI of the report key; a file below ``home`` by default.
        log_key: PKCS #11 URIs of log keys, beside those in the key file.
        tsa: URL of a time-stamp authority (RFC 3161).
    """

    home: Path
    database_url: str
    vault_url: str
    policies: Path | None
    origin: str
    trust: Path | None
    buckets: int
    token: str
    traceparent: str
    report_certificate: Path | None
    report_crls: tuple[Path, ...]
    report_key: str
    log_key: str
    tsa: str

    @property
    def log(self) -> Path:
        """The audit log."""
        return self.home / "log"

    @property
    def events(self) -> Path:
        """The event store."""
        return self.home / "events"

    @property
    def keys(self) -> Path:
        """Root key, log key and report key, readable by the owner only."""
        return self.home / "keys"

    @property
    def reports(self) -> Path:
        """Report bundles."""
        return self.home / "report"

    @property
    def certificates(self) -> Path:
        """Certificates of rights requests."""
        return self.home / "certificates"


def load_settings(environment: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """Read the ``FIDUCIARY_*`` variables. Raises UsageError naming the one that is wrong."""
    env = os.environ if environment is None else environment
    base = (home or Path(env.get("FIDUCIARY_HOME", "var"))).absolute()
    buckets = env.get("FIDUCIARY_BUCKETS", "16")
    if not buckets.isdecimal() or int(buckets) not in {2**k for k in range(13)}:
        raise UsageError("FIDUCIARY_BUCKETS must be a power of two up to 4096")
    origin = env.get("FIDUCIARY_ORIGIN", "fiduciary.example/log")
    if not _ORIGIN.fullmatch(origin):  # evidence has it in the names of files
        raise UsageError("FIDUCIARY_ORIGIN must be a URL without scheme: letters, digits, . - _ and /")
    return Settings(
        home=base,
        database_url=env.get("FIDUCIARY_DATABASE_URL", f"sqlite:///{base / 'ops.sqlite'}"),
        vault_url=env.get("FIDUCIARY_VAULT_URL", f"sqlite:///{base / 'vault.sqlite'}"),
        policies=_path(env, "FIDUCIARY_POLICIES"),
        origin=origin,
        trust=_path(env, "FIDUCIARY_TRUST"),
        buckets=int(buckets),
        token=_token(env),
        traceparent=env.get("TRACEPARENT", ""),
        report_certificate=_path(env, "FIDUCIARY_REPORT_CERTIFICATE"),
        report_crls=tuple(map(Path, filter(None, env.get("FIDUCIARY_REPORT_CRLS", "").split(os.pathsep)))),
        report_key=env.get("FIDUCIARY_REPORT_KEY", ""),
        log_key=env.get("FIDUCIARY_LOG_KEY", ""),
        tsa=env.get("FIDUCIARY_TSA", ""),
    )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def message_language() -> str:
    """``zh`` for a Chinese locale, otherwise ``en``; ``FIDUCIARY_LANG`` wins."""
    env = os.environ
    value = env.get("FIDUCIARY_LANG") or env.get("LC_ALL") or env.get("LANG") or ""
    return "zh" if value.lower().startswith("zh") else "en"


def is_debugging() -> bool:
    """Whether ``FIDUCIARY_DEBUG=1`` asks for tracebacks, which may hold personal data."""
    return os.environ.get("FIDUCIARY_DEBUG") == "1"


def _token(env: Mapping[str, str]) -> str:
    if "FIDUCIARY_TOKEN" in env:
        return env["FIDUCIARY_TOKEN"].strip()
    path = env.get("FIDUCIARY_TOKEN_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("FIDUCIARY_TOKEN_FILE cannot be read") from error
