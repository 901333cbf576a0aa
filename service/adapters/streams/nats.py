"""NATS JetStream as a stream: positions are the sequence numbers of the stream.

Each read opens a connection and an ephemeral pull consumer that starts behind the position asked for, and
takes both away again: nothing at the broker remembers us, so nothing there can be wrong.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from service.adapters.streams import PATIENCE, Fetch, fill
from service.errors import ConflictError, StorageError, UnknownError
from service.ports.streams import Message

_FETCH: Final = 500  # messages asked for at once


class NatsStream:
    """Implements ``service.ports.streams.Stream``.

    Args:
        url: ``nats://host:4222`` or ``tls://...``.
        stream: name of the JetStream stream.
        subject: which of its subjects; may hold wildcards.
        credentials: file with a JWT and a key, if the server asks for one.
    """

    def __init__(self, url: str, stream: str, subject: str, credentials: Path | None = None) -> None:
        self._url, self._stream, self._subject = url, stream, subject
        self._credentials = str(credentials) if credentials else None

    @property
    def name(self) -> str:
        """``nats:<stream>:<subject>``."""
        return f"nats:{self._stream}:{self._subject}"

    def read(self, after: str, upto: str, limit: int, wait: float) -> list[Message]:
        """See the port. Raises StorageError, ConflictError, UnknownError (no such stream)."""
        try:
            return asyncio.run(self._read(int(after or 0), int(upto or 0), limit, wait))
        except NotFoundError:
            raise UnknownError("the broker has no such stream") from None
        except (NatsError, OSError, TimeoutError) as error:
            raise StorageError("the broker is not available", cause=type(error).__name__) from None

    async def _read(self, after: int, upto: int, limit: int, wait: float) -> list[Message]:
        connection = await nats.connect(
            self._url,
            user_credentials=self._credentials,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            error_cb=_quiet,
        )
        try:
            jetstream = connection.jetstream(timeout=PATIENCE)
            state = (await jetstream.stream_info(self._stream)).state
            if after > state.last_seq:
                raise ConflictError("the stream was made anew: it ends before what was taken in")
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=60.0,
            )
            pull = await jetstream.pull_subscribe(self._subject, stream=self._stream, config=config)
            fetch = partial(_fetch, pull, itertools.count(1))
            return await (_all(pull, fetch, upto) if upto else fill(fetch, limit, wait))
        finally:
            await connection.close()


async def _all(pull: JetStreamContext.PullSubscription, fetch: Fetch, upto: int) -> list[Message]:
    """All that are held up to a position. Raises TimeoutError when they do not come."""
    found: list[Message] = []
    waiting = (await pull.consumer_info()).num_pending or 0
    while waiting > len(found) and not (found and int(found[-1].position) >= upto):
        messages = await fetch(waiting - len(found), PATIENCE)
        if not messages:
            raise TimeoutError
        found += messages
    return [m for m in found if int(m.position) <= upto]


async def _fetch(
    pull: JetStreamContext.PullSubscription, numbers: Iterator[int], count: int, wait: float
) -> list[Message]:
    """Some messages. Raises StorageError when one was left out: the consumer numbers what it delivers."""
    try:
        messages = await pull.fetch(min(count, _FETCH), timeout=wait)
    except TimeoutError:  # the library's own is one too; a probe that came to nothing raises the plain one
        return []
    if any(m.metadata.sequence.consumer != number for m, number in zip(messages, numbers, strict=False)):
        raise StorageError("a message was lost on the way: run again")
    return [Message(str(m.metadata.sequence.stream), m.data) for m in messages]


async def _quiet(_error: Exception) -> None:
    """Errors reach the caller; the library would print them as well, with the address."""
