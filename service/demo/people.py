"""Pick people from the demo's own input files: ``python -m service.demo.people DIR --consented``.

The service never lists people; the demo plays the customers, so it reads the source files instead.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path

_AS_OF = "2026-01-01"


def consented_emails(source: Path, purpose: str = "credit_scoring", kind: str = "separate") -> list[str]:
    """E-mail addresses of customers whose consent to the purpose stands, in file order."""
    with (source / "consents.csv").open(encoding="utf-8", newline="") as file:
        standing = {
            row["resident_id"]
            for row in csv.DictReader(file)
            if row["purpose"] == purpose
            and row["kind"] == kind
            and not row["withdrawn_at"]
            and (not row["valid_until"] or row["valid_until"] > _AS_OF)
        }
    with (source / "customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    often = Counter(row["email"] for row in rows)  # a few rows are spoilt copies of good ones
    return [row["email"] for row in rows if row["resident_id"] in standing and often[row["email"]] == 1]


def main() -> int:
    """Print the addresses, one a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--consented", action="store_true", required=True)
    for email in consented_emails(parser.parse_args().source):
        sys.stdout.write(email + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
