"""What operators promised, what does not count, and what they disputed."""

from alembic import op

revision = "0011"
down_revision = "0010"

# Records are only ever added. body has the very bytes that the log and bundles carry; the columns are what questions
# need of them. region_id follows the school's and is for the policies.
CONTRACTS = """
create table contract (
    school_id text not null,
    line text not null,
    contract text not null,
    number integer not null check (number > 0),
    operator text not null,
    region_id text not null,
    valid_from date not null,
    recorded_at timestamptz not null,
    body bytea not null,
    sha256 bytea not null,
    primary key (school_id, line, contract, number)
);
create index contract_by_operator on contract (operator);
"""

# school_id and region_id are '' where an exclusion is wider. operators: who is shown it, none where all are.
EXCLUSIONS = """
create table exclusion (
    school_id text not null,
    exclusion_id text not null,
    number integer not null check (number > 0),
    region_id text not null,
    operators text[] not null,
    line text,
    begins timestamptz not null,
    ends timestamptz not null,
    recorded_at timestamptz not null,
    body bytea not null,
    sha256 bytea not null,
    primary key (school_id, exclusion_id, number),
    check (begins < ends)
);
create index exclusion_by_id on exclusion (exclusion_id);
create index exclusion_by_time on exclusion (school_id, ends);
"""

# A file lies beside the step that attached it, and may be large: it is read alone.
DISPUTES = """
create table dispute_step (
    school_id text not null,
    dispute_id text not null,
    number integer not null check (number > 0),
    region_id text not null,
    operator text not null,
    line text not null,
    month text not null,
    at timestamptz not null,
    body bytea not null,
    sha256 bytea not null,
    primary key (school_id, dispute_id, number)
);
create index dispute_step_by_id on dispute_step (dispute_id);
create index dispute_step_by_operator on dispute_step (operator);

create table dispute_file (
    school_id text not null,
    dispute_id text not null,
    sha256 bytea not null,
    region_id text not null,
    operator text not null,
    content bytea not null,
    primary key (school_id, dispute_id, sha256)
);
alter table dispute_file alter column content set storage external;  -- what is attached is mostly compressed already
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (CONTRACTS, EXCLUSIONS, DISPUTES):
        op.execute(statements)
