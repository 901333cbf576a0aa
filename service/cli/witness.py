"""``witness``: a second party that sees to it that a log only grows; its own process, its own key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import command, group
from service.cli.output import emit

witness_app = group("witness", "Cosign the checkpoints of logs that only grow.")
Folder = Annotated[Path, typer.Argument(help="Folder of the witness; away from the log it watches.")]


@command(witness_app, "init")
def witness_init(
    folder: Folder,
    name: Annotated[str, typer.Option(help="Name of the witness, such as witness.example.com/w1.")],
    log: Annotated[list[str], typer.Option(help="Verifier key of a log; repeat for several.")],
) -> None:
    """Make a key, the list of known logs and an empty memory; shows the verifier key."""
    from service.wiring import create_witness

    vkey = create_witness(folder, name, log)
    emit({"folder": str(folder), "vkey": vkey}, vkey)


@command(witness_app, "serve")
def witness_serve(
    folder: Folder,
    listen: Annotated[str, typer.Option(help="Address and port.")] = "127.0.0.1:8100",
) -> None:
    """Answer `POST /add-checkpoint` until stopped."""
    from service.wiring import open_witness

    with open_witness(folder, listen) as server:
        address = "http://{}:{}".format(*server.server_address[:2])
        emit({"url": address}, f"witness at {address}")
        server.serve_forever()
