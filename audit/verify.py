"""Offline verification of logs, report bundles and certificates: no network, no secret.

``python -m audit.verify PATH [--vkey KEY | --policy FILE] [--tsa FILE] [--json]`` exits 0 when all holds, 5
when a link is broken (it says which, and where), 2 when it is used wrongly.

What holds, and which links there are, stands in ``audit.verify_log``, ``audit.verify_shards``,
``audit.bundle`` and ``audit.certificate``.

``--vkey`` is the policy of one log key and no witness (``audit.policy``). Without either the key that came
with the evidence is believed: that shows integrity, not origin.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from audit.bundle import STAMP, BundleFacts, verify_bundle
from audit.certificate import CertificateFacts, verify_certificate
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import Trust
from audit.log import CHECKPOINT
from audit.policy import parse_policy
from audit.verify_log import LogFacts, Progress, verify_log
from audit.verify_shards import LogsFacts, verify_logs

BROKEN: Final = 5
USAGE: Final = 2


Facts = LogFacts | LogsFacts | BundleFacts | CertificateFacts


def verify(path: Path, *, vkey: Trust = None, tsa: bytes = b"", progress: Progress | None = None) -> Facts:
    """Verify a log, logs in shards, a bundle or a certificate, told apart by content.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        BrokenLinkError: names the first link that does not hold.
    """
    data = b"" if path.is_dir() else path.read_bytes()
    if data.startswith(b"PK"):
        return verify_bundle(data, vkey=vkey, tsa=tsa)
    if tsa:
        raise BrokenLinkError(f"presence of {STAMP}", "only report bundles have one")
    if path.is_dir():
        single = (path / CHECKPOINT).exists() or not any(each.is_dir() for each in path.iterdir())
        return (verify_log if single else verify_logs)(path, vkey=vkey, progress=progress)
    if data.startswith(b"{"):
        return verify_certificate(data, vkey=vkey)
    raise BrokenLinkError("kind of evidence", "neither a log, a report bundle nor a certificate")


def format_facts(facts: Mapping[str, object]) -> Iterator[str]:
    """For people: a line for each fact, and for each shard its own lines."""
    for name, value in facts.items():
        if name != "logs" or not isinstance(value, tuple | list):
            yield f"{name}: {value}"
            continue
        for log in value:
            yield f"{log['origin']}:"
            yield from (f"  {line}" for line in format_facts(log) if not line.startswith("origin"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.verify", description="Verify evidence offline.")
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="log, folder of logs, report bundle or certificate"
    )
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--vkey", help="the log's verifier key, name+id+key")
    trust.add_argument(
        "--policy", type=Path, help="file of trusted logs, witnesses and the quorum (tlog-policy)"
    )
    parser.add_argument("--tsa", type=Path, help="certificate (PEM) of the time-stamp authority you trust")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    said: dict[str, object]
    try:
        policy = options.policy and parse_policy(options.policy.read_bytes())
        tsa = options.tsa.read_bytes() if options.tsa else b""
        facts = verify(options.path, vkey=policy or options.vkey, tsa=tsa)
        kind = type(facts).__name__.removesuffix("Facts").lower()
        code, said = 0, {"ok": True, "kind": kind, **asdict(facts)}
    except BrokenLinkError as error:
        link_ = {"ok": False, "link": error.link} if options.json else {"BROKEN": error.link}
        code, said = BROKEN, {**link_, "problem": error.problem}
    except (OSError, FormatError) as error:
        code, said = USAGE, {"ok": False, "problem": getattr(error, "strerror", str(error))}
    lines = [json.dumps(said, ensure_ascii=False)] if options.json else [*format_facts(said)]
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
