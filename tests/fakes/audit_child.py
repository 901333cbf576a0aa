"""Processes that write a log and may be killed, starved of disk, or traced; forked from one that is warm.

The server reads one JSON request a line and forks: the child waits for a byte on a named pipe, so that a
tracer can attach first, then runs a program. What it acknowledges it writes to a file, which outlives it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Final

from fakes.audit_logs import KEY, entries, entry
from fakes.audit_shards import new_year, open_shards
from mutants.log_stores import STORES

from audit.errors import AuditError
from audit.filestore import FileStore
from audit.log import CHECKPOINT, Log
from audit.logdir import create_log, open_log

REFUSED: Final = 3  #: exit code after an error of ours; any other failure is a traceback and 1
SEAL: Final = 0  #: in a schedule: publish; a positive number: append so many entries at once


def obtain(directory: Path, store: str = FileStore.__name__) -> Log:
    """The log there, made when there is none yet."""
    if not (directory / CHECKPOINT).exists():
        create_log(directory, KEY).close()
    return open_log(directory, KEY) if store == FileStore.__name__ else Log(STORES[store](directory), KEY)


def write(request: dict[str, Any], acknowledged: int) -> None:
    """Append and publish as scheduled; numbers count up from ``first``."""
    directory, number = Path(request["directory"]), request["first"]
    log = obtain(directory, request["store"])
    for step in request["schedule"]:
        if step == SEAL:
            log.publish()
            continue
        (first, *_) = log.append(*entries(number, number + step))
        os.write(acknowledged, b"%d %d %d\n" % (first, number, step))
        number += step
    log.close()


def hammer(request: dict[str, Any], acknowledged: int) -> None:
    """Append from several threads as fast as they can, publish now and then, until killed."""
    log, kill = obtain(Path(request["directory"])), threading.Event()

    def work(number: int) -> None:
        for at in range(number, number + 100_000, 3):
            (first, *_) = log.append(*entries(at, at + 3))
            os.write(acknowledged, b"%d %d %d\n" % (first, at, 3))
            if at % 21 == 0:
                log.publish()

    for thread in range(request["threads"]):
        number = request["first"] + 100_000 * thread
        threading.Thread(target=work, args=(number,), daemon=True).start()
    kill.wait()


def turn_over(request: dict[str, Any], acknowledged: int) -> None:
    """Append an entry in each of these years, publish now and then; numbers count up from ``first``."""
    shards = open_shards(Path(request["directory"]))
    for number, year in enumerate(request["schedule"], request["first"]):
        if year == SEAL:
            shards.publish()
            continue
        shards.append(entry(number), at=new_year(year))
        os.write(acknowledged, b"%d %d 1\n" % (number, number))


def prune(request: dict[str, Any], acknowledged: int) -> None:
    """Prune shards, and say how many entries of each were handed out."""
    shards = open_shards(Path(request["directory"]))
    for year in request["schedule"]:
        for _ in shards.prune(year):
            os.write(acknowledged, b"0 0 1\n")


PROGRAMS: Final = {"write": write, "hammer": hammer, "turn_over": turn_over, "prune": prune}


def _say(number: int) -> None:
    os.write(1, b"%d\n" % number)


def _run(request: dict[str, Any]) -> None:
    gate = os.open(request["gate"], os.O_RDWR)
    acknowledged = os.open(request["acknowledged"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if limit := request["file_size"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    _say(os.getpid())  # from here on a tracer sees every call
    os.read(gate, 1)
    PROGRAMS[request["program"]](request, acknowledged)


def serve() -> None:
    """Fork for each request: the child says its process id, the server its exit code when it has ended."""
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            code = 1
            try:
                _run(json.loads(line))
                code = 0
            except AuditError:
                code = REFUSED
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve()
