"""``init``, ``user``, ``doctor``, ``serve``, ``demo``: running the service."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, command, group
from service.cli.output import emit, progress_bar, table
from service.errors import ConflictError, UsageError

TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="Write the token here, owner-only, instead of showing it.")
]
_SCAN = "Search every byte for the identifiers in this file, one a line; - reads stdin."
Needles = Annotated[Path | None, typer.Option("--scan", help=_SCAN)]
DemoHome = Annotated[Path, typer.Option("--home", help="Where the demo's data goes; made anew.")]
user_app = group("user", "Staff and their tokens.")


def init(token_file: TokenFile = None) -> None:
    """Make a new data directory with keys, databases, audit log and a first administrator."""
    from service.wiring import create_service

    settings = SESSION.settings
    _, token = create_service(settings)
    shown = _hand_over(token, token_file)
    text = (
        f"Made a new service in {settings.home}\nAdministrator user:admin, valid 90 days: {shown}\n"
        "Next: put the token into FIDUCIARY_TOKEN (or its file's path into FIDUCIARY_TOKEN_FILE), then\n"
        "  fiduciary user add user:ann --role analyst"
    )
    emit({"home": str(settings.home), "actor": "user:admin", "token": shown}, text)


def _hand_over(token: str, path: Path | None) -> str:
    """The token itself, or the file that only its owner can read."""
    if path is None:
        return token
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_text(token + "\n")
    return str(path)


@command(user_app, "add")
def user_add(
    actor_id: Annotated[str, typer.Argument(help="Such as user:ann; a pseudonym, not a name.")],
    role: Annotated[list[str], typer.Option("--role", help="Role; repeat for several.")],
    days: Annotated[int, typer.Option(help="Life of the token, 1 to 90 days.")] = 90,
    token_file: TokenFile = None,
) -> None:
    """Add a person and show their token once."""
    from service.domain.actors import Actor
    from service.usecases.users import add_user

    acting = SESSION.acting()
    try:
        user = Actor(actor_id, frozenset(role))
    except ValueError as error:
        raise UsageError(str(error)) from error
    token = add_user(user, **acting, days=days)
    shown = _hand_over(token, token_file)
    text = f"{actor_id} added with {', '.join(role)}. Token (shown once): {shown}"
    emit({"actor": actor_id, "roles": sorted(role), "token": shown}, text)


def doctor(scan: Needles = None) -> None:
    """Check keys, databases, policies, log and stores; list what exists."""
    if scan is not None:
        _trace(scan)
        return
    from service.usecases.doctor import examine

    findings = examine(SESSION.deps())
    rows = [(f.part, "ok" if f.ok else "BROKEN", f.detail) for f in findings]
    emit([asdict(f) for f in findings], table("Fiduciary doctor", ("part", "state", "detail"), rows))
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def _trace(path: Path) -> None:
    """Files that hold an identifier in the clear, by its line; the identifiers themselves are not shown."""
    from service.usecases.doctor import trace
    from service.wiring import open_scanner

    lines = _lines(path)
    with progress_bar("scan") as progress:
        traces = trace(lines, open_scanner(SESSION.settings, progress))
    hits = [{"file": f, "lines": n, "vault": f not in traces.outside} for f, n in traces.hits.items()]
    value = {
        "files": traces.files, "bytes": traces.size, "needles": traces.needles,
        "too_short": traces.too_short, "hits": hits,
    }  # fmt: skip
    searched = f"{traces.files:,} files, {traces.size:,} bytes"
    text = f"{traces.needles:,} identifiers, {searched}: {len(hits)} with hits\n"
    if traces.too_short:
        text += f"too short to be looked for: lines {_some(traces.too_short)}\n"
    if hits:
        rows = [(f, _some(n) if n else "cannot be decoded") for f, n in traces.hits.items()]
        text += table("Hits", ("file", "lines of the list"), rows)
    emit(value, text)
    if traces.outside:
        raise typer.Exit(1)


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the list is not UTF-8", file=path.name) from None
    except OSError as error:
        raise UsageError("the file cannot be read", file=path.name, cause=error.strerror or "") from None
    return text.split("\n")


def _some(lines: Sequence[int]) -> str:
    """The first few line numbers."""
    return ", ".join(map(str, lines[:10])) + (f" and {len(lines) - 10:,} more" if len(lines) > 10 else "")  # noqa: PLR2004


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 for any.")] = 8080,
) -> None:
    """Serve the HTTP API; its description is at /openapi.json."""
    import uvicorn

    from service.api.app import create_app

    app = create_app(SESSION.deps())
    listener = _listen(host, port)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again once it has shut down
        signal.signal(number, lambda *_: sys.exit(0))
    uvicorn.Server(uvicorn.Config(app, access_log=False, server_header=False)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConflictError("cannot listen here; name another --port", port=port, cause=why) from None
    sys.stderr.write(f"listening on http://{host}:{listener.getsockname()[1]}\n")
    return listener


def demo(
    target: DemoHome = Path("var/demo"),
    customers: Annotated[int, typer.Option(help="How many of the 30,000 customers.")] = 30_000,
) -> None:
    """Run the main job on real card customers: ingest, aggregate, score, delete, report, verify."""
    from service.demo.run import run_demo

    with progress_bar("demo") as progress:
        summary = run_demo(target.absolute(), customers=customers, progress=progress)
    emit(summary.facts, summary.text())
