"""Brokers behind ``service.ports.streams.Stream``; their libraries come with the extra ``streams``."""

from typing import Final

MAX_BYTES: Final = 1 << 26  # of messages in one read, but for the last
PATIENCE: Final = 60.0  # seconds without a message when some are known to be there
