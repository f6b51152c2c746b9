"""A test's id may be used again: a server's record is of its own time."""

from alembic import op

revision = "0018"
down_revision = "0017"

# Else a short test hides, by its id, the record of any later one.
KEYS = """
alter table waiting_record drop constraint waiting_record_pkey, add primary key (test_id, key_id, began_at);
alter table server_record drop constraint server_record_pkey, add primary key (school_id, test_id, key_id, began_at);
"""


def upgrade() -> None:
    """Replace the keys."""
    op.execute(KEYS)
