"""The first version: nothing is to be done. Databases of 0001 index the log otherwise, and are refused."""

revision = "0002"
down_revision = None


def upgrade() -> None:
    pass
