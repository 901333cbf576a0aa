"""``fiduciary serve`` as a process of its own: it answers, and stops when it is told to."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
from fakes.command import PROGRAM, CommandLine
from fakes.house import build

from audit.verify_shards import verify_logs


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_server_answers_and_stops_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    house = build(tmp_path / "home", tmp_path, at=datetime.now(UTC))
    line, port = CommandLine(house.settings.home, house.tokens), free_port()
    command = [str(PROGRAM), "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env=line.environment(""), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                for _ in range(300):
                    try:
                        client.get("/healthz")
                        break
                    except httpx.TransportError:
                        assert server.poll() is None
                        time.sleep(0.1)
                assert client.get("/readyz").json()["status"] == "ready"
                assert client.get("/v1/budget").status_code == 401
                headers = {"Authorization": f"Bearer {house.tokens['ann']}"}
                answer = client.get("/v1/budget", headers=headers)
                assert (answer.status_code, answer.json()) == (200, [])
                assert "server" not in answer.headers
                assert client.get("/openapi.json").json()["openapi"].startswith("3.")
                malformed = client.post("/v1/rights", content=b"\x00{", headers=headers)
                assert malformed.status_code == 422
        finally:
            server.send_signal(stop)
            out, err = server.communicate(timeout=30)
    assert server.returncode == 0, err
    assert "Traceback" not in out + err
    assert house.tokens["ann"] not in out + err
    assert verify_logs(house.settings.log).size > 0


def test_a_port_that_is_taken_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    house = build(tmp_path / "home", tmp_path, at=datetime.now(UTC))
    line = CommandLine(house.settings.home, house.tokens)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = line.spawn("serve", "--port", str(taken.getsockname()[1]))
    assert ran.code == 1
    assert "address already in use" in ran.err.lower()
    assert "Traceback" not in ran.said
