"""Two hundred writers killed at any moment, disks that fill up, histories that were exchanged."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.audit_child import REFUSED, SEAL
from fakes.audit_forks import TESTS, Forks, outcome
from fakes.audit_logs import KEY, entries, entry, small_log, snapshot

from audit.errors import LogCorruptError, ProofError, WriterEndedError
from audit.log import Log
from audit.logdir import create_log
from audit.merkle import consistency_proof, verify_consistency
from audit.tiles import TreeReader
from audit.verify_log import verify_log

KILLS, PER_LOG = 200, 20
SCHEDULE = (2, SEAL, 3, SEAL, 1)


def test_two_hundred_kills_lose_nothing_acknowledged(forks: Forks, folder: Path) -> None:
    chance, total = random.Random(7), 0
    for log in range(5 * KILLS // PER_LOG):
        if log >= KILLS // PER_LOG and total > 1_000:  # a slow machine needs more kills for as many entries
            break
        acknowledged: dict[int, int] = {}
        for kill in range(PER_LOG):
            process = forks.start("hammer", folder / str(log), first=1_000_000 * kill, threads=1 + kill % 3)
            forks.go()
            time.sleep(chance.uniform(0.001, 0.012))
            forks.kill(process)
            assert forks.wait() == -9
            acknowledged |= forks.acks()
            found = outcome(folder / str(log), acknowledged)
            assert (found.lost, found.strange) == (0, 0)
        total += len(acknowledged)
    assert total > 1_000


def test_a_file_that_cannot_grow_is_refused_at_every_length(forks: Forks, folder: Path) -> None:
    """Writes end short at the limit, in the segment, in tiles and in checkpoints."""
    codes = set()
    for limit in range(1, 1_300, 23):
        directory = folder / f"limit-{limit}"
        forks.start("write", directory, schedule=SCHEDULE, file_size=limit)
        forks.go()
        codes.add(forks.wait())
        found = outcome(directory, forks.acks(), range(sum(SCHEDULE)))
        assert (found.lost, found.strange) == (0, 0)
    assert codes == {REFUSED, 0}


SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
from fakes.audit_child import write
from fakes.audit_forks import acks, outcome
from audit.errors import StorageFailedError
from audit.logdir import create_log
found = []
for size in range(8, 72, 4):
    place, said = Path(sys.argv[1]), Path(sys.argv[2])
    options = f"size={size}k,nr_inodes=40"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True)
    said.write_bytes(b"")
    out = os.open(said, os.O_WRONLY)
    request = {"directory": str(place / "log"), "first": 0, "store": "FileStore"}
    try:
        write(request | {"schedule": [20, 0, 25, 0, 30, 0, 20, 0]}, out)
        full = False
    except StorageFailedError as error:
        full = error.disk_full
    subprocess.run(["mount", "-o", "remount,size=9m,nr_inodes=999", str(place)], check=True)
    result = outcome(place / "log", acks(said.read_bytes().splitlines()), range(95))
    found.append([size, full, result.lost, result.strange, result.kept])
    subprocess.run(["umount", "--lazy", str(place)], check=True)
print(json.dumps(found))
"""


def test_a_full_disk_loses_nothing_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    command = ["unshare", "--mount"] + (["--map-root-user"] if os.geteuid() else [])
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no private mounts here: neither root nor user namespaces")
    (tmp_path / "place").mkdir()
    result = subprocess.run(
        [*command, sys.executable, "-c", SMALL_DISK, tmp_path / "place", tmp_path / "said"],
        env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert all((lost, strange) == (0, 0) for _, _, lost, strange, _ in found)
    assert sum(full for _, full, *_ in found) >= 5
    assert not found[-1][1]
    assert found[-1][4] == 95


def exchange(directory: Path, source: Path) -> None:
    shutil.rmtree(directory)
    shutil.copytree(source, directory)


def test_a_running_writer_refuses_a_whole_older_copy_of_its_log(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 300)
    shutil.copytree(tmp_path / "log", tmp_path / "older")
    log.append(*entries(300, 400))
    log.publish()
    exchange(tmp_path / "log", tmp_path / "older")
    verify_log(tmp_path / "log")  # nothing is wrong with it but its age
    before = snapshot(tmp_path / "log")
    with pytest.raises(LogCorruptError, match="does not extend"):
        log.publish()
    with pytest.raises(WriterEndedError):
        log.append(entry(400))
    assert snapshot(tmp_path / "log") == before


def forked(folder: Path) -> tuple[Log, Log]:
    """Two logs of one key with a common beginning and another end."""
    common = small_log(folder / "a", 300)
    shutil.copytree(folder / "a", folder / "b")
    other = Log(type(common._store)(folder / "b"), KEY)
    common.append(*entries(300, 310))
    other.append(*entries(1300, 1310))
    common.publish()
    other.publish()
    return common, other


def test_a_running_writer_refuses_a_fork_of_its_log(tmp_path: Path) -> None:
    log, other = forked(tmp_path)
    other.append(*entries(1310, 1400))
    other.publish()
    exchange(tmp_path / "a", tmp_path / "b")
    with pytest.raises(LogCorruptError, match="does not extend"):
        log.append(entry(310))


def test_no_proof_joins_two_views_of_one_log(tmp_path: Path) -> None:
    log, other = forked(tmp_path)
    first = verify_log(tmp_path / "a")
    other.append(entry(1310))
    other.publish()
    second = verify_log(tmp_path / "b")
    assert (first.origin, first.size, second.size) == (second.origin, 310, 311)
    tree = TreeReader(311, lambda path: (tmp_path / "b" / path).read_bytes())
    roots = bytes.fromhex(first.root), bytes.fromhex(second.root)
    with pytest.raises(ProofError):
        verify_consistency(310, 311, *roots, consistency_proof(310, 311, tree.node))
    log.append(entry(310))
    log.publish()
    third = verify_log(tmp_path / "a")
    tree = TreeReader(311, lambda path: (tmp_path / "a" / path).read_bytes())
    proof = consistency_proof(310, 311, tree.node)
    verify_consistency(310, 311, roots[0], bytes.fromhex(third.root), proof)


def test_a_log_begun_anew_is_no_successor(tmp_path: Path) -> None:
    log = small_log(tmp_path / "log", 3)
    shutil.rmtree(tmp_path / "log")
    create_log(tmp_path / "log", KEY).append(entry(0))
    with pytest.raises(LogCorruptError):
        log.checkpoint()
