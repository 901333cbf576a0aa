"""A time-stamp authority over HTTP: its answer is checked, and every failure is one error."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest
from fakes.authority import TSA, Authority

from audit.timestamp import stamp_query, verify_stamp
from service.adapters.timestamps import HttpAuthority
from service.errors import StorageError, UsageError

DIGEST = hashlib.sha256(b"data").digest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_it_gives_a_time_stamp_of_what_was_asked(authority: Authority) -> None:
    with authority.serving() as (url, queries):
        stamp = HttpAuthority(url).stamp(DIGEST)
    verify_stamp(stamp, DIGEST, authority.certificate(TSA))
    assert queries == [stamp_query(DIGEST)]


def test_a_time_stamp_of_other_data_is_not_taken(authority: Authority) -> None:
    other = authority.answer(stamp_query(hashlib.sha256(b"other").digest()))
    with authority.serving(body=other) as (url, _), pytest.raises(StorageError):
        HttpAuthority(url).stamp(DIGEST)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 500])
@pytest.mark.parametrize("body", [b"", b"nothing", bytes(1 << 17)])
def test_every_other_answer_is_one_error_without_the_url(
    authority: Authority, status: int, body: bytes
) -> None:
    with authority.serving(status, body) as (url, _), pytest.raises(StorageError) as caught:
        HttpAuthority(url.replace("://", "://user:word@") if status == 500 else url).stamp(DIGEST)
    assert "127.0.0.1" not in str(caught.value)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://a..b", "http://h/\u00fc", "http://["])
def test_a_url_that_is_none_is_one_error(url: str) -> None:
    with pytest.raises(StorageError):
        HttpAuthority(url).stamp(DIGEST)


def test_no_authority_is_one_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StorageError):
        HttpAuthority(f"http://127.0.0.1:{port}").stamp(DIGEST)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://x", "127.0.0.1", "HTTP//x"])
def test_only_http_and_https(url: str) -> None:
    with pytest.raises(UsageError):
        HttpAuthority(url)
