"""The ``fiduciary`` command as a person runs it, in a process of its own or, quicker, in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.cli.main import run

PROGRAM = Path(sys.executable).with_name("fiduciary")


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that was shown."""
        return self.out + self.err


@dataclass
class CommandLine:
    """A data directory and the tokens of its people."""

    home: Path
    tokens: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, who: str) -> dict[str, str]:
        """Nothing of the test's own environment, and the token of whoever runs the command."""
        token = {"FIDUCIARY_TOKEN": self.tokens[who]} if who else {}
        basic = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "FIDUCIARY_HOME": str(self.home)}
        basic["PYTHONDONTWRITEBYTECODE"] = "1"  # a child with a full disk would leave torn bytecode behind
        return basic | token | self.settings

    def spawn(
        self,
        *arguments: str | Path,
        who: str = "",
        stdin: str = "",
        prepare: Callable[[], None] | None = None,
        **extra: str,
    ) -> Ran:
        """Run the installed command; ``prepare`` runs in the child before it, ``extra`` is environment."""
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            env=self.environment(who) | extra,
            input=stdin.encode(),
            capture_output=True,
            check=False,
            preexec_fn=prepare,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *arguments: str | Path, who: str = "", stdin: str = "", **extra: str) -> Ran:
        """Run the same program in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _surroundings(self.environment(who) | extra, stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run([str(argument) for argument in arguments])
        return Ran(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _surroundings(environment: Mapping[str, str], stdin: str) -> Iterator[None]:
    """Another environment and standard input for a while."""
    before, keyboard = dict(os.environ), sys.stdin
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = io.StringIO(stdin)
    try:
        yield
    finally:
        sys.stdin = keyboard
        os.environ.clear()
        os.environ.update(before)
