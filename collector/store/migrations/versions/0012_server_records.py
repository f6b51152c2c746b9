"""Test servers with their keys, and their own records of tests."""

from alembic import op

revision = "0012"
down_revision = "0011"

# What was recorded of a server's key, ever: the newest number of a key holds, and body is what stands in the log.
KEYS = """
create table test_server_key (
    key_id text not null,
    number integer not null,
    url text not null,
    body bytea not null,
    primary key (key_id, number)
);
"""

# Nobody may know yet whose test it was: such records wait where the collector connects, without a school. due_at: when
# somebody looks again whether it is known now; is_logged: it stands in the log without a school already.
RECORDS = """
create table waiting_record (
    test_id text not null,
    key_id text not null,
    lease_id text,
    began_at timestamptz not null,
    received_at timestamptz not null,
    due_at timestamptz not null,
    is_logged boolean not null default false,
    envelope bytea not null,
    primary key (test_id, key_id)
);
create index waiting_record_by_due on waiting_record (due_at);

create table server_record (
    school_id text not null,
    test_id text not null,
    key_id text not null,
    lease_id text,
    began_at timestamptz not null,
    received_at timestamptz not null,
    region_id text not null,
    operator text,
    envelope bytea not null,
    primary key (school_id, test_id, key_id)
);
create index server_record_by_school_and_time on server_record (school_id, began_at);
create index server_record_by_test on server_record (test_id);
create index server_record_by_time on server_record using brin (received_at);

-- Which tests computers told of, those that failed too.
create table reported_test (
    school_id text not null,
    test_id text not null,
    agent_id text not null,
    sequence bigint not null,
    received_at timestamptz not null,
    region_id text not null,
    operator text,
    primary key (school_id, test_id, agent_id, sequence)
);
create index reported_test_by_test on reported_test (test_id);
create index reported_test_by_time on reported_test using brin (received_at);

create index lease_by_id on lease (lease_id);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (KEYS, RECORDS):
        op.execute(statements)
