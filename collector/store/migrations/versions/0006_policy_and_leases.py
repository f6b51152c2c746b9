"""What agents are told and by whom it was changed, what they are asked to do now, and whose turn it is."""

from alembic import op

revision = "0006"
down_revision = "0005"

# Only ever added to: the newest version of a scope holds. body has only what the scope sets. region_id and school_id
# are '' where the scope is wider, and keep the policies free of sub-selects; number tells caches that there is news.
POLICIES = """
create table policy_change (
    scope text not null,
    version integer not null check (version > 0),
    number bigint generated always as identity,
    region_id text not null,
    school_id text not null,
    author text not null,
    role text,
    at timestamptz not null,
    note text not null,
    body jsonb not null,
    primary key (school_id, scope, version)
);
create index policy_change_by_scope on policy_change (scope, version desc);
create index policy_change_by_number on policy_change (number);
"""

# A row a computer. run_now, pair and joint end when the computer gets its lease for them, or with "until"; pause holds
# until somebody ends it.
ORDERS = """
create table test_order (
    school_id text not null,
    agent_id text not null,
    order_id text not null,
    kind text not null check (kind in ('run_now', 'pair', 'joint', 'pause')),
    members integer not null check (members > 0),
    author text not null,
    at timestamptz not null,
    until timestamptz not null,
    done_at timestamptz,
    region_id text not null,
    primary key (school_id, agent_id, order_id)
);
create index test_order_open on test_order (school_id, agent_id) where done_at is null;
"""

# lease_turn is the row that is locked while a school's next turn is decided. What a lease reserves of a server stands
# in server_load too, which knows no school: a server serves many, and its row in test_server is locked for that.
LEASES = """
create table lease_turn (
    school_id text primary key
);

create table lease (
    school_id text not null,
    lease_id text not null,
    agent_id text not null,
    region_id text not null,
    mode text not null check (mode in ('single', 'pair', 'joint')),
    order_id text,
    purpose text not null,
    trigger text not null,
    server text not null,
    reserved_bps double precision not null,
    share double precision,
    granted_at timestamptz not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    released_at timestamptz,
    primary key (school_id, lease_id)
);
create index lease_by_school_and_time on lease (school_id, granted_at);
create index lease_by_time on lease using brin (granted_at);

create table lease_wait (
    school_id text not null,
    agent_id text not null,
    lease_id text not null,
    since timestamptz not null,
    due_at timestamptz not null,
    seconds double precision not null,
    primary key (school_id, agent_id)
);

create table test_server (
    server text primary key
);

create table server_load (
    server text not null,
    lease_id text not null,
    reserved_bps double precision not null,
    ends_at timestamptz not null,
    primary key (server, lease_id)
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (POLICIES, ORDERS, LEASES):
        op.execute(statements)
