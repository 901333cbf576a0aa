"""``source``, ``pull``, ``consume``: other systems that send data in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.cli.context import SESSION, Dataset, ask, command, group
from service.cli.data import emit_batch
from service.cli.output import emit, progress_bar
from service.errors import UsageError

SourceName = Annotated[str, typer.Argument(help="Such as core-banking.")]
source_app = group("source", "Source systems that push signed batches.")


@command(source_app, "add")
def source_add(
    name: SourceName,
    dataset: Annotated[list[str], typer.Option(help="What it may send to; repeat for several.")],
    purpose: Annotated[list[str], typer.Option(help="What for; repeat for several.")],
) -> None:
    """Register a source system, or give a known one these rights and a new secret; shows it once."""
    from service.usecases.push import add_source

    secret = add_source(name, frozenset(dataset), frozenset(purpose), **SESSION.acting())
    emit({"source": name, "secret": secret}, f"{name}. Secret (shown once): {secret}")


@command(source_app, "revoke")
def source_revoke(name: SourceName) -> None:
    """Take nothing from a source system any more."""
    from service.usecases.push import revoke_source

    revoke_source(name, **SESSION.acting())
    emit({"revoked": name}, f"{name} is revoked")


def pull(
    dataset: Dataset,
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
) -> None:
    """Take in what is new in a database table, each row once, held to the source's own totals."""
    from service.usecases.export import pull as take
    from service.wiring import open_export

    acting = SESSION.acting()
    url = os.environ.get(url_env, "") if url_env else ask("database URL")
    if not url:
        raise UsageError("the environment variable is not set", variable=url_env)
    export = open_export(
        url, source=source, table=table, watermark=watermark, lag=lag, accept_change=accept_change
    )
    with progress_bar(f"pull {dataset}") as progress:
        row = take(export, dataset, **acting, progress=progress)
    if row is None:
        emit({"batch": None, "dataset": dataset, "rows": 0}, f"{dataset}: nothing new")
    else:
        emit_batch(row)


def consume(
    dataset: Dataset,
    *,
    nats: Annotated[str, typer.Option(help="Server, such as nats://127.0.0.1:4222.")] = "",
    stream: Annotated[str, typer.Option(help="JetStream stream.")] = "",
    subject: Annotated[str, typer.Option(help="Subject of the stream.")] = ">",
    credentials: Annotated[Path | None, typer.Option(help="NATS credentials file.")] = None,
    kafka: Annotated[str, typer.Option(help="Brokers, such as host:9092,host:9092.")] = "",
    topic: Annotated[str, typer.Option(help="Kafka topic.")] = "",
    partition: Annotated[int, typer.Option(min=0, help="Kafka partition.")] = 0,
    once: Annotated[bool, typer.Option("--once", help="Stop when the stream is empty.")] = False,
) -> None:
    """Take a stream in, exactly once; run again after any failure."""
    from service.usecases.consume import consume as take
    from service.wiring import open_kafka, open_nats

    if bool(nats and stream) == bool(kafka and topic):
        raise UsageError("name one broker: --nats with --stream, or --kafka with --topic")
    acting = SESSION.acting()
    opened = open_nats(nats, stream, subject, credentials) if nats else open_kafka(kafka, topic, partition)
    for row in take(opened, dataset, **acting, once=once):
        emit_batch(row)
