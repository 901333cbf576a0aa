"""A throw-away NATS server with JetStream, and a publisher that sends some messages twice."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import nats
from nats.js import JetStreamContext

_WAIT_SECONDS = 30


def find_server() -> str | None:
    """The installed server, None when there is none."""
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")


@contextmanager
def run_nats(program: str) -> Iterator[str]:
    """Start a server in a new temporary directory; yields its URL."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    directory = tempfile.mkdtemp(prefix="fnats")
    command = [program, "-js", "-sd", directory, "-a", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + _WAIT_SECONDS
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("nats-server does not start")
                time.sleep(0.05)
            yield f"nats://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=_WAIT_SECONDS)
            shutil.rmtree(directory, ignore_errors=True)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def publish(
    url: str, stream: str, subject: str, messages: Sequence[tuple[str, bytes]], *, other: str = ""
) -> int:
    """Publish (message id, data); each lies in the stream once. Returns the stream's last sequence number.

    With ``other`` a message on another subject of the stream comes between every ten.
    """

    async def run() -> int:
        connection = await nats.connect(url)
        jetstream: JetStreamContext = connection.jetstream()
        await jetstream.add_stream(name=stream, subjects=[subject, *([other] if other else [])])
        for start in range(0, len(messages), 250):
            for number, (key, data) in enumerate(messages[start : start + 250]):
                await jetstream.publish_async(subject, data, headers={"Nats-Msg-Id": key})
                if other and number % 10 == 0:
                    await jetstream.publish_async(other, b"other")
            await jetstream.publish_async_completed()
        state = (await jetstream.stream_info(stream)).state
        await connection.close()
        return state.last_seq

    return asyncio.run(run())


def recreate(url: str, stream: str, subject: str) -> None:
    """Delete a stream and make an empty one of the same name."""

    async def run() -> None:
        connection = await nats.connect(url)
        await connection.jetstream().delete_stream(stream)
        await connection.jetstream().add_stream(name=stream, subjects=[subject])
        await connection.close()

    asyncio.run(run())


def remove(url: str, stream: str, position: int) -> None:
    """Delete one message."""

    async def run() -> None:
        connection = await nats.connect(url)
        await connection.jetstream().delete_msg(stream, position)
        await connection.close()

    asyncio.run(run())
