"""Whose access a subscription to notices rests on, and with which it ends."""

from alembic import op

revision = "0016"
down_revision = "0015"

# Null where whoever runs the collector made it for a role.
HOLDERS = """
alter table notice_subscriber
    add column held_by text check (held_by in ('account', 'token')),
    add column holder text,
    add constraint notice_subscriber_held check ((held_by is null) = (holder is null))
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(HOLDERS)
