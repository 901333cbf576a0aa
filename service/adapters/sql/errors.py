"""Database errors as the service's own: which kind it was, never what was in it.

``hide_parameters`` keeps bound values out of SQLAlchemy's messages, but PostgreSQL repeats them in the detail
of a broken constraint. So no driver message is passed on; the driver's code is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.errors import ConflictError, FiduciaryError, StorageError


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn driver errors inside the block into StorageError, and a broken constraint into ConflictError."""
    failure: FiduciaryError
    try:
        yield
    except IntegrityError as error:
        failure = ConflictError("a constraint of the database refuses this", cause=_cause(error))
    except StatementError as error:
        failure = StorageError("the database is not available", cause=_cause(error))
    except PoolTimeoutError:
        failure = StorageError("the database is not available", cause="pool_timeout")
    else:
        return
    raise failure from None


def _cause(error: StatementError) -> str:
    """The driver's short code: ``SQLITE_FULL``, ``23505``; the class name where there is none."""
    original = error.orig
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    return str(code or type(original).__name__)
