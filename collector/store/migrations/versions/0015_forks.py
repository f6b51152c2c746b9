"""From which report on a computer told two histories: remembered for as long as the computer has its key."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column."""
    op.execute("alter table agent add column forked_from bigint")
