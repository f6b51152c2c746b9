"""Verdicts on lines, month by month, in versions; what they were judged by, and which have to be judged again."""

from alembic import op

revision = "0013"
down_revision = "0012"

# Version 0 is of a month that is not closed, and is replaced; all others are only added. body has the very bytes of the
# verdict, facts those of all it rests on but the reports, which are where they are.
VERDICTS = """
create table verdict (
    school_id text not null,
    line text not null,
    month text not null,
    operator text not null,
    version integer not null check (version >= 0),
    region_id text not null,
    synthetic boolean not null,
    state text not null,
    is_recurring boolean not null,
    chance double precision,
    judged_at timestamptz not null,
    body bytea not null,
    sha256 bytea not null,
    facts bytea not null,
    primary key (school_id, line, month, operator, version)
);
create index verdict_by_month on verdict (month, operator);

create table dirty_verdict (
    school_id text not null,
    month text not null,
    marked_at timestamptz not null,
    due_at timestamptz not null,
    primary key (school_id, month)
);
create index dirty_verdict_by_age on dirty_verdict (due_at);
"""

# How rare a breach has to be among the lines of an operator, each time that changed; which months are closed; and the
# rules that any verdict names.
MONTHS = """
create table discovery (
    operator text not null,
    month text not null,
    number integer not null check (number > 0),
    lines integer not null,
    accused integer not null,
    most_chance double precision not null,
    made_at timestamptz not null,
    primary key (operator, month, number)
);

create table verdict_month (
    month text primary key,
    begun_at timestamptz not null,
    closed_at timestamptz
);

create table rule_text (
    sha256 bytea primary key,
    body bytea not null
);
"""

# What a key signed that came in from distrusted_from on proves nothing: it was stolen, or may have been. agent_key has
# the very bytes of each record about a key.
KEYS = """
alter table agent add column distrusted_from timestamptz;

create table agent_key (
    school_id text not null,
    agent_id text not null,
    number integer not null check (number > 0),
    recorded_at timestamptz not null,
    body bytea not null,
    sha256 bytea not null,
    primary key (school_id, agent_id, number)
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (VERDICTS, MONTHS, KEYS):
        op.execute(statements)
