"""What computers of one school need to test against each other: the school's key, and where each can be reached."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Only the ingest role reads these: a key is for the school's own computers, and nobody else needs their addresses.
PEERS = """
create table peer_key (
    school_id text primary key references school,
    key bytea not null check (length(key) = 32)
);

create table peer (
    school_id text not null,
    agent_id text not null,
    address text not null,
    port integer not null check (port between 1 and 65535),
    seen_at timestamptz not null,
    primary key (school_id, agent_id),
    foreign key (school_id, agent_id) references agent
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(PEERS)
