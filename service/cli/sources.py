"""``source``, ``pull``, ``consume``: other systems that send data in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, Json, ask
from service.cli.data import batch_text, batch_value
from service.cli.output import emit, progress_bar
from service.errors import UsageError

source_app = typer.Typer(help="Source systems that push signed batches.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(pull)
    app.command()(consume)
    app.add_typer(source_app, name="source")


@source_app.command("add")
def source_add(
    name: Annotated[str, typer.Argument(help="Such as core-banking.")],
    dataset: Annotated[list[str], typer.Option(help="What it may send to; repeat for several.")],
    purpose: Annotated[list[str], typer.Option(help="What for; repeat for several.")],
    as_json: Json = False,
) -> None:
    """Register a source system, or give a known one these rights and a new secret; shows it once."""
    from service.usecases.push import add_source

    actor, deps = SESSION.acting()
    secret = add_source(name, frozenset(dataset), frozenset(purpose), actor=actor, deps=deps)
    emit({"source": name, "secret": secret}, as_json=as_json, text=f"{name}. Secret (shown once): {secret}")


@source_app.command("revoke")
def source_revoke(
    name: Annotated[str, typer.Argument(help="Such as core-banking.")], as_json: Json = False
) -> None:
    """Take nothing from a source system any more."""
    from service.usecases.push import revoke_source

    actor, deps = SESSION.acting()
    revoke_source(name, actor=actor, deps=deps)
    emit({"revoked": name}, as_json=as_json, text=f"{name} is revoked")


def pull(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset.")],
    *,
    table: Annotated[str, typer.Option(help="Table or view of the source, perhaps SCHEMA.TABLE.")],
    watermark: Annotated[str, typer.Option(help="Its column that grows with every new row.")],
    url_env: Annotated[
        str, typer.Option(help="Environment variable with the database URL; else standard input has it.")
    ] = "",
    source: Annotated[str, typer.Option(help="Name of the source system.")] = "database",
    lag: Annotated[str, typer.Option(help="Stay behind: 5m for a time, 1000 for a number.")] = "",
    accept_change: Annotated[
        bool, typer.Option("--accept-change", help="Go on although columns have other types now.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take in what is new in a database table, each row once, held to the source's own totals."""
    from service.usecases.export import pull as take
    from service.wiring import open_export

    actor, deps = SESSION.acting()
    url = os.environ.get(url_env, "") if url_env else ask("database URL")
    if not url:
        raise UsageError("the environment variable is not set", variable=url_env)
    export = open_export(
        url, source=source, table=table, watermark=watermark, lag=lag, accept_change=accept_change
    )
    with progress_bar(f"pull {dataset}", quiet=as_json) as progress:
        row = take(export, dataset, actor=actor, deps=deps, progress=progress)
    if row is None:
        emit({"batch": None, "dataset": dataset, "rows": 0}, as_json=as_json, text=f"{dataset}: nothing new")
    else:
        emit(batch_value(row), as_json=as_json, text=batch_text(row))


def consume(
    dataset: Annotated[str, typer.Argument(help="Name of a registered dataset.")],
    *,
    nats: Annotated[str, typer.Option(help="Server, such as nats://127.0.0.1:4222.")] = "",
    stream: Annotated[str, typer.Option(help="JetStream stream.")] = "",
    subject: Annotated[str, typer.Option(help="Subject of the stream.")] = ">",
    credentials: Annotated[Path | None, typer.Option(help="NATS credentials file.")] = None,
    kafka: Annotated[str, typer.Option(help="Brokers, such as host:9092,host:9092.")] = "",
    topic: Annotated[str, typer.Option(help="Kafka topic.")] = "",
    partition: Annotated[int, typer.Option(min=0, help="Kafka partition.")] = 0,
    once: Annotated[bool, typer.Option("--once", help="Stop when the stream is empty.")] = False,
    as_json: Json = False,
) -> None:
    """Take a stream in, exactly once; run again after any failure."""
    from service.usecases.consume import consume as take
    from service.wiring import open_kafka, open_nats

    if bool(nats and stream) == bool(kafka and topic):
        raise UsageError("name one broker: --nats with --stream, or --kafka with --topic")
    actor, deps = SESSION.acting()
    opened = open_nats(nats, stream, subject, credentials) if nats else open_kafka(kafka, topic, partition)
    for row in take(opened, dataset, actor=actor, deps=deps, once=once):
        emit(batch_value(row), as_json=as_json, text=batch_text(row))
