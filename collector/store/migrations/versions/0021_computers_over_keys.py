"""A computer outlives its key: which key takes another's place, when a computer left, and tokens of whole regions."""

from alembic import op

revision = "0021"
down_revision = "0020"

# computer_id is the computer's first key; null: this one. ended_by: "succeeded" by a newer key, "left", "moved".
AGENTS = """
alter table agent
    add column machine text[] not null default '{}',
    add column recovery_sha256 bytea,
    add column succeeds text,
    add column computer_id text,
    add column ended_at timestamptz,
    add column ended_by text;
"""

# It names no school, so no school's row can be locked by it, and it stays where the collector connects.
TOKENS = """
create table region_token (
    token_sha256 bytea primary key,
    region_id text not null,
    uses integer not null check (uses > 0),
    used integer not null default 0 check (used <= uses),
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    """Add the columns and the table."""
    op.execute(AGENTS)
    op.execute(TOKENS)
