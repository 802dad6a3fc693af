"""The tables of 0.3.0 and before, which stated no version: what is missing of them is made by the next step."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: these tables are there."""
