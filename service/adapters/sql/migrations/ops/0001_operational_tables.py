"""The first version. A new database is made from the tables themselves, so nothing is to be done for it."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    pass
