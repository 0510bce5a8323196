"""Schema 2, the first that Alembic knows: its tables are made from the models, as those of any new run are.

Revision ID: 2
"""

revision = "2"
down_revision = None


def upgrade() -> None:
    """Nothing: no archive comes here from an earlier schema."""
