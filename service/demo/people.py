"""Pick people from the demo's own input files: ``python -m service.demo.people DIR --consented``.

The service never lists people; the demo plays the customers, so it reads the source files instead.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import polars as pl

_AS_OF, _FOR_EVER = "2026-01-01", "9999"


def consented_emails(source: Path) -> list[str]:
    """E-mail addresses of customers whose separate consent to credit scoring stands, in file order."""
    standing = pl.read_csv(source / "consents.csv", infer_schema=False).filter(
        pl.col("withdrawn_at").is_null(),
        pl.col("valid_until").fill_null(_FOR_EVER) > _AS_OF,
        purpose="credit_scoring",
        kind="separate",
    )
    customers = pl.read_csv(source / "customers.csv", infer_schema=False).filter(
        pl.col("email").is_unique(),  # a few rows are spoilt copies of good ones
        pl.col("resident_id").is_in(standing["resident_id"].implode()),
    )
    return customers["email"].to_list()


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
