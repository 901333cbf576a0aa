"""``fiduciary witness``: another process and key, over real HTTP; the service stops when it is told no."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.audit_logs import KEY, entries, entry
from fakes.command import PROGRAM, CommandLine
from fakes.operators import W1, Operator
from starlette.testclient import TestClient

from audit.cosign import Cosigner
from audit.entry import parse_entry
from audit.logdir import create_log, open_log
from audit.note import format_vkey, parse_vkey
from audit.policy import Party, Policy, format_policy, parse_policy
from audit.verify_log import verify_log
from audit.verify_shards import verify_logs
from service.adapters.witness import HttpWitness
from service.api.app import create_app
from service.settings import load_settings
from service.wiring import create_service, open_service

NAME = "witness.example.com/w1"
VKEY = format_vkey(KEY.key)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "home", {})


def init(line: CommandLine, folder: Path, *vkeys: str) -> str:
    logs = [part for vkey in vkeys or (VKEY,) for part in ("--log", vkey)]
    done = line.call("witness", "init", folder, "--name", NAME, *logs, "--json")
    assert done.code == 0, done.said
    return str(json.loads(done.out)["vkey"])


class Start:
    """Starts ``witness serve`` in processes, and kills them."""

    def __init__(self, line: CommandLine) -> None:
        self.line, self.running = line, list[subprocess.Popen[str]]()

    def __call__(self, folder: Path, listen: str = "127.0.0.1:0") -> str:
        """The URL of a new process."""
        arguments = [str(PROGRAM), "witness", "serve", str(folder), "--listen", listen, "--json"]
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=self.line.environment(""))
        self.running.append(child)
        assert child.stdout is not None
        return str(json.loads(child.stdout.readline())["url"])

    def kill(self) -> None:
        """SIGKILL to all."""
        for child in self.running:
            child.kill()
            child.communicate()
        self.running.clear()


@pytest.fixture
def start(line: CommandLine) -> Iterator[Start]:
    starting = Start(line)
    yield starting
    starting.kill()


def test_a_log_is_cosigned_over_http_and_a_fork_is_not(
    tmp_path: Path, line: CommandLine, start: Start
) -> None:
    vkey = init(line, tmp_path / "w")
    url = start(tmp_path / "w")
    witness: Cosigner = HttpWitness(parse_vkey(vkey), url + "/")
    log = create_log(tmp_path / "log", KEY, [witness])
    log.append(*entries(0, 5))
    log.publish()
    policy = Policy((Party(KEY.key),), (Party(witness.key, "w"),), (), "w")
    assert verify_log(tmp_path / "log", vkey=policy).size == 5
    assert witness.add_checkpoint(Operator().request(entries(5, 10), 5))[0] == 422
    assert witness.add_checkpoint(Operator().request(entries(0, 4), 4)) == (409, b"5\n")


def test_the_wire_is_as_specified(tmp_path: Path, line: CommandLine, start: Start) -> None:
    init(line, tmp_path / "w")
    host = start(tmp_path / "w").removeprefix("http://")
    link = http.client.HTTPConnection(host, timeout=10)  # kept alive over all requests

    def post(body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, bytes]:
        link.request("POST", path, body)
        answer = link.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()

    status, kind, body = post(Operator().request(entries(0, 3), 0))
    assert (status, kind, body[:4], body[-1:]) == (200, "text/plain", "\u2014 ".encode(), b"\n")
    assert post(Operator().request(entries(0, 4), 0)) == (409, "text/x.tlog.size", b"3\n")
    assert post(b"old")[0] == 400
    assert post(b"x", "/other")[0] == 404
    link.close()
    link.putrequest("POST", "/add-checkpoint")
    link.putheader("Content-Length", str(1 << 20))
    link.endheaders()
    assert link.getresponse().status == 413
    link.close()
    link.request("GET", "/add-checkpoint")
    assert link.getresponse().status == 501
    link.close()


def test_a_witness_killed_and_started_again_still_knows(
    tmp_path: Path, line: CommandLine, start: Start
) -> None:
    init(line, tmp_path / "w")
    first = HttpWitness(KEY.key, start(tmp_path / "w"))
    assert first.add_checkpoint(Operator().request(entries(0, 6), 0))[0] == 200
    second = HttpWitness(KEY.key, start(tmp_path / "w"))  # two processes over one memory
    assert second.add_checkpoint(Operator().request(entries(0, 8), 6))[0] == 200
    assert first.add_checkpoint(Operator().request(entries(0, 7), 6)) == (409, b"8\n")
    start.kill()
    with pytest.raises(ConnectionError):
        first.add_checkpoint(Operator().request(entries(0, 9), 8))
    third = HttpWitness(KEY.key, start(tmp_path / "w"))
    assert third.add_checkpoint(Operator().request(entries(0, 9), 6)) == (409, b"8\n")
    assert third.add_checkpoint(Operator().request(entries(0, 9), 8))[0] == 200


def test_a_killed_witness_costs_its_line_and_comes_back_by_itself(
    tmp_path: Path, line: CommandLine, start: Start
) -> None:
    vkey = parse_vkey(init(line, tmp_path / "w"))
    log = create_log(tmp_path / "log", KEY, [HttpWitness(vkey, start(tmp_path / "w"))])
    start.kill()
    log.append(*entries(0, 3))
    log.publish()
    assert log.cosigned() == {NAME: 0}
    log.close()
    log = open_log(tmp_path / "log", KEY, [HttpWitness(vkey, start(tmp_path / "w"))])
    assert log.cosigned()[NAME] > 0


def test_a_witness_that_is_down_is_not_asked_again_for_a_while() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        witness = HttpWitness(KEY.key, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ConnectionError):
            witness.add_checkpoint(b"")
        with pytest.raises(TimeoutError):
            witness.add_checkpoint(b"")


def test_a_witness_that_does_not_answer_costs_two_seconds_once() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        witness = HttpWitness(KEY.key, f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = time.monotonic()
        for _ in range(3):
            with pytest.raises((ConnectionError, TimeoutError)):
                witness.add_checkpoint(b"")
        assert 1 < time.monotonic() - before < 5


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 409 x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n9", 0),  # breaks off
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n9", 0),
        (b"no answer\r\n\r\n", 0),
        (b"HTTP/1.1 302 x\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", 302),  # not followed
    ],
)
def test_an_answer_that_breaks_off_or_leads_elsewhere_is_none(answer: bytes, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        witness = HttpWitness(W1.key, f"http://127.0.0.1:{server.getsockname()[1]}")

        def serve() -> None:
            link, _ = server.accept()
            with link:
                link.recv(1 << 16)
                link.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        if status:
            assert witness.add_checkpoint(b"x") == (status, b"")
        else:
            with pytest.raises(ConnectionError):
                witness.add_checkpoint(b"x")
        serving.join()


@pytest.mark.parametrize("url", ["http://a..b", "http://h/\u00fc", "http://["])
def test_a_url_that_is_none_costs_the_line_and_nothing_else(tmp_path: Path, url: str) -> None:
    log = create_log(tmp_path / "log", KEY, [HttpWitness(W1.key, url)])
    assert log.append(*entries(0, 1)) == (0,)
    assert log.cosigned() == {W1.name: 0}


def test_making_and_serving_refuse_what_cannot_work(tmp_path: Path, line: CommandLine) -> None:
    init(line, tmp_path / "w")
    wrong: list[list[str | Path]] = [
        ["init", tmp_path / "w", "--name", NAME, "--log", VKEY],  # there is one
        ["init", tmp_path / "x", "--name", NAME, "--log", "no key"],
        ["init", tmp_path / "y", "--name", "a b", "--log", VKEY],
        ["serve", tmp_path / "none"],
        ["serve", tmp_path / "w", "--listen", "8100"],
        ["serve", tmp_path / "w", "--listen", "127.0.0.1:x"],
        ["serve", tmp_path / "w", "--listen", "127.0.0.1:99999"],
    ]
    for arguments in wrong:
        done = line.call("witness", *arguments)
        assert done.code == 2, done.said
    assert not (tmp_path / "x" / "heads.sqlite").exists()
    (tmp_path / "w" / "heads.sqlite").unlink()  # a lost memory is not begun anew
    assert line.call("witness", "serve", tmp_path / "w", "--listen", "127.0.0.1:0").code == 2
    assert not (tmp_path / "w" / "heads.sqlite").exists()


def test_the_service_is_cosigned_says_so_and_refuses_when_the_witness_has_seen_more(
    tmp_path: Path, line: CommandLine, start: Start
) -> None:
    env = {"FIDUCIARY_HOME": str(tmp_path / "home")}
    deps, _ = create_service(load_settings(env))
    vkey = init(line, tmp_path / "w", *deps.audit.vkeys())
    trust = tmp_path / "trust"
    url = start(tmp_path / "w")
    logs = "".join(f"log {log}\n" for log in deps.audit.vkeys())
    trust.write_text(f"{logs}witness w1 {vkey} {url}\nquorum w1\n")
    settings = load_settings(env | {"FIDUCIARY_TRUST": str(trust)})
    shutil.copytree(tmp_path / "home" / "log", tmp_path / "backup")
    deps = open_service(settings)
    with TestClient(create_app(deps)) as web:
        ready = web.get("/readyz").json()
        assert ready["status"] == "ready"
        assert 0 <= ready["cosigned_seconds_ago"][NAME] < 60
    found = verify_logs(tmp_path / "home" / "log", vkey=parse_policy(trust.read_bytes()))
    assert [log.cosigned.keys() for log in found.logs] == [{"w1"}, {"w1"}]
    shown = line.call("audit", "verify", tmp_path / "home" / "log", "--policy", trust, "--json")
    assert (shown.code, [[*log["cosigned"]] for log in json.loads(shown.out)["logs"]]) == (
        0,
        [["w1"], ["w1"]],
    )
    unseen = line.call("audit", "verify", tmp_path / "backup", "--policy", trust)
    assert (unseen.code, "witness quorum" in unseen.said) == (5, True)

    deps.audit.append(parse_entry(entry(1)))
    deps.audit.seal()
    shutil.rmtree(tmp_path / "home" / "log")
    shutil.copytree(tmp_path / "backup", tmp_path / "home" / "log")
    refused = line.call("doctor", FIDUCIARY_TRUST=str(trust))
    assert refused.code != 0, refused.said
    assert "another history" in refused.said
    assert line.call("doctor").code == 0  # without the witness nobody would have noticed


def test_a_service_whose_witness_is_down_is_ready_and_says_who_is_missing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        trust = tmp_path / "trust"
        trust.write_bytes(format_policy(Policy((), (Party(W1.key, "w1", url),), (), "w1")))
        settings = load_settings({"FIDUCIARY_HOME": str(tmp_path / "home"), "FIDUCIARY_TRUST": str(trust)})
        deps, _ = create_service(settings)
        with TestClient(create_app(deps)) as web:
            answer = web.get("/readyz")
        assert (answer.status_code, answer.json()["cosigned_seconds_ago"]) == (200, {NAME: None})
