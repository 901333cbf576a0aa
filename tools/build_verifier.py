"""Build ``audit-verify.pyz``: one file that checks logs, report bundles and certificates offline.

It carries the package ``audit`` and nothing else; it needs Python 3.11 and ``cryptography``. The same source
gives the same bytes: names sorted, one fixed date, nothing compressed.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import audit
from audit.bundle import pack_bundle

PACKAGE = Path(audit.__file__).parent
_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = b"import sys\n\nfrom audit.verify import main\n\nsys.exit(main())\n"
_EXECUTABLE = 0o755


def build() -> bytes:
    """The file."""
    sources = {f"audit/{path.name}": path.read_bytes() for path in PACKAGE.glob("*.py")}
    return _SHEBANG + pack_bundle(sources | {"__main__.py": _MAIN})


def main() -> None:
    """Write it, and show its digest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=Path)
    target: Path = parser.parse_args().target
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(build())
    target.chmod(_EXECUTABLE)
    print(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target}")


if __name__ == "__main__":
    main()
