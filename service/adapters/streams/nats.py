"""NATS JetStream as a stream: positions are the sequence numbers of the stream.

Each read opens a connection and an ephemeral pull consumer that starts behind the position asked for, and
takes both away again: nothing at the broker remembers us, so nothing there can be wrong.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

import nats
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from service.adapters.streams import MAX_BYTES, PATIENCE
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
            jetstream = connection.jetstream()
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
            return await (_all(pull, upto) if upto else _some(pull, limit, wait))
        finally:
            await connection.close()


async def _some(pull: JetStreamContext.PullSubscription, limit: int, wait: float) -> list[Message]:
    """What comes within the time, until there is enough."""
    found: list[Message] = []
    end, size = time.monotonic() + wait, 0
    while len(found) < limit and size < MAX_BYTES and (left := end - time.monotonic()) > 0:
        messages, _ = await _fetch(pull, min(limit - len(found), _FETCH), left)
        size += sum(len(m.data) for m in messages)
        found += messages
    return found


async def _all(pull: JetStreamContext.PullSubscription, upto: int) -> list[Message]:
    """All that are held up to a position. Raises TimeoutError when they do not come."""
    found: list[Message] = []
    waiting = (await pull.consumer_info()).num_pending or 0
    while waiting and not (found and int(found[-1].position) >= upto):
        messages, waiting = await _fetch(pull, min(waiting, _FETCH), PATIENCE)
        if not messages:
            raise TimeoutError
        found += messages
    return [m for m in found if int(m.position) <= upto]


async def _fetch(
    pull: JetStreamContext.PullSubscription, count: int, wait: float
) -> tuple[list[Message], int]:
    """Some messages, and how many are waiting behind them."""
    try:
        messages = await pull.fetch(count, timeout=wait)
    except NatsTimeoutError:
        return [], 0
    found = [Message(str(m.metadata.sequence.stream), m.data) for m in messages]
    return found, messages[-1].metadata.num_pending or 0


async def _quiet(_error: Exception) -> None:
    """Errors reach the caller; the library would print them as well, with the address."""
