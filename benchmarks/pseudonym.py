"""Pseudonymisation of one million identifiers against HMAC, one value at a time.

Ours is what ingest does to a column: blind index of 18-character identifiers (AES-CMAC, polars to polars),
and a purpose pseudonym for every sid (AES permutation). The peers make one HMAC per value, get their values
as ready bytes outside the clock, and give lists.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from benchmarks.report import Row, cpu_seconds
from privacy.pseudonym.blind_index import as_binary, as_matrix, blind_index
from privacy.pseudonym.purpose import permute

ROWS: Final = 1_000_000
BAR: Final = 20.0


def run() -> list[Row]:
    """Measure both peers and our two steps."""
    index_key, purpose_key = secrets.token_bytes(32), secrets.token_bytes(32)
    values = pl.Series([f"{n:018d}" for n in range(ROWS)])
    raw = [value.encode() for value in values.to_list()]
    sids = as_matrix(blind_index(values, secrets.token_bytes(32)), 16)

    def both() -> pl.Series:
        blind_index(values, index_key)
        return as_binary(permute(sids, purpose_key))

    def digest_loop() -> list[bytes]:
        return [hmac.digest(index_key, value, "sha256") for value in raw]

    plain_copy = cpu_seconds(lambda: np.array(sids, copy=True))
    ours = cpu_seconds(lambda: blind_index(values, index_key), repeat=5)
    whole = cpu_seconds(both, repeat=5)
    permuted = cpu_seconds(lambda: permute(sids, purpose_key), repeat=5)
    digest, copied = cpu_seconds(digest_loop), cpu_seconds(lambda: _copied(index_key, raw))
    return [
        _row("blind index, 18-character ids", ours, "hmac.digest per value", digest, BAR),
        _row("blind index and purpose pseudonym", whole, "hmac.digest per value", digest, BAR),
        _row("blind index, 18-character ids", ours, "keyed HMAC copied per value", copied, 10.0),
        Row(
            what="purpose pseudonym of a sid",
            ours=f"{ROWS / permuted / 1e6:,.0f} M rows / CPU s",
            peer=f"numpy copy: {ROWS / plain_copy / 1e6:,.0f} M rows / CPU s",
            ratio=permuted / plain_copy,
            target="at most 5 times a copy",
            met=permuted <= 5 * plain_copy,
        ),
    ]


def _copied(key: bytes, raw: list[bytes]) -> list[bytes]:
    """The best loop there is: one keyed HMAC, copied for each value."""
    keyed = HMAC(key, SHA256())
    tags = []
    for value in raw:
        mac = keyed.copy()
        mac.update(value)
        tags.append(mac.finalize())
    return tags


def _row(what: str, ours: float, peer: str, theirs: float, bar: float) -> Row:
    return Row(
        what=what,
        ours=f"{ROWS / ours / 1e6:.1f} M rows / CPU s",
        peer=f"{peer}: {ROWS / theirs / 1e6:.2f} M rows / CPU s",
        ratio=theirs / ours,
        target=f"at least {bar:g} times faster",
        met=theirs >= bar * ours,
    )


if __name__ == "__main__":
    for line in run():
        print(line)
