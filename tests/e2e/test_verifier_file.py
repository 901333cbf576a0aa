"""``audit-verify.pyz`` alone: Python and ``cryptography``, no other module of anybody, no socket."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.audit_logs import make_bundle, make_certificate, small_log

ROOT = Path(__file__).parents[2]
BUILD = [sys.executable, str(ROOT / "tools" / "build_verifier.py")]
#: Runs a zipapp as Python does, where nothing can be imported but what is named, and nothing connects.
ALONE = """
import runpy, sys
application, library, standard, *rest = sys.argv[1:]
sys.path[:] = [*standard.split(":"), library]
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "urllib.")):
        raise RuntimeError(event)
sys.addaudithook(watch)
sys.argv[:] = [application, *rest]
code = None
try:
    runpy.run_path(application, run_name="__main__")
except SystemExit as done:
    code = done.code
foreign = {
    name for name, module in sys.modules.items()
    if name != "__main__" and (getattr(module, "__file__", None) or "") and not name.startswith("audit")
    and not module.__file__.startswith((*standard.split(":"), library))
}
ours = {name.partition(".")[0] for name in sys.modules} & {"service", "privacy", "policies", "tests"}
elsewhere = {
    name for name, module in sys.modules.items()
    if name.partition(".")[0] == "audit" and application not in (module.__file__ or "")
}
assert not foreign | ours | elsewhere, (foreign, ours, elsewhere)
raise SystemExit(code)
"""


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("verifier") / "audit-verify.pyz"
    subprocess.run([*BUILD, str(target)], check=True, capture_output=True, cwd=ROOT)
    return target


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``cryptography`` and what it is made of."""
    folder = tmp_path_factory.mktemp("library")
    for name in ("cryptography", "cffi", "pycparser", "_cffi_backend"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (folder / source.name).symlink_to(source)
    return folder


def alone(verifier: Path, library: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    paths = sysconfig.get_paths()
    standard = ":".join((paths["stdlib"], str(Path(paths["stdlib"], "lib-dynload"))))
    command = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        "-c",
        ALONE,
        verifier,
        library,
        standard,
        *arguments,
        "--json",
    ]
    return subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, cwd="/")


def make(kind: str, folder: Path) -> Path:
    """Evidence of a kind."""
    log = small_log(folder / "log", 300)
    if kind == "log":
        return folder / "log"
    path = folder / kind
    path.write_bytes(make_bundle(log, [3, 7]) if kind == "bundle" else make_certificate(log, [3]))
    return path


def flip(path: Path) -> None:
    """Change one byte of evidence."""
    file = path / "tile" / "entries" / "000" if path.is_dir() else path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("kind", ["log", "bundle", "certificate"])
def test_it_verifies_with_nothing_but_cryptography(
    tmp_path: Path, verifier: Path, library: Path, kind: str
) -> None:
    path = make(kind, tmp_path)
    ran = alone(verifier, library, path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["kind"] == kind
    flip(path)
    ran = alone(verifier, library, path)
    assert (ran.returncode, ran.stderr) == (5, "")
    assert json.loads(ran.stdout)["link"]


def test_it_carries_the_package_audit_alone_and_is_built_the_same_each_time(
    tmp_path: Path, verifier: Path
) -> None:
    again = tmp_path / "elsewhere" / "again.pyz"
    subprocess.run([*BUILD, str(again)], check=True, capture_output=True, cwd=ROOT)
    assert again.read_bytes() == verifier.read_bytes()
    with zipfile.ZipFile(verifier) as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    sources = {f"audit/{path.name}" for path in (ROOT / "audit").glob("*.py")}
    assert set(names) == sources | {"__main__.py"}


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.replace(
            "import argparse\n", "import argparse\nimport socket\nsocket.socket()\n", 1
        ),
        lambda text: text.replace("import argparse\n", "import argparse\nimport service\n", 1),
        lambda text: text.replace("import argparse\n", "import argparse\nimport numpy\n", 1),
    ],
)
def test_a_verifier_that_needs_more_is_caught(
    tmp_path: Path, verifier: Path, library: Path, harm: Callable[[str], str]
) -> None:
    broken = tmp_path / "broken.pyz"
    with zipfile.ZipFile(verifier) as whole, zipfile.ZipFile(broken, "w") as archive:
        for name in whole.namelist():
            text = whole.read(name).decode()
            archive.writestr(name, harm(text) if name == "audit/verify.py" else text)
    assert alone(broken, library, make("log", tmp_path)).returncode == 1
