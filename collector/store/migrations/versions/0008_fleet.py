"""How the fleet is: what each computer's boots tell of copied keys, refused numbers, the judgement; jobs."""

from alembic import op

revision = "0008"
down_revision = "0007"

# A row a boot: enough to see that two computers use one key without reading every report again (see collector.fleet).
# first_monotonic_s is that of the first report of the newest look, went_back how often that clock went back.
BOOTS = """
create table agent_boot (
    school_id text not null,
    agent_id text not null,
    boot_id text not null,
    first_sequence bigint not null,
    last_sequence bigint not null,
    first_monotonic_s double precision not null,
    last_monotonic_s double precision not null,
    went_back integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    created_at timestamptz not null,
    waiting bigint,
    dropped bigint,
    primary key (school_id, agent_id, boot_id)
);
create index agent_boot_by_age on agent_boot (last_at);

create table agent_conflict (
    school_id text not null,
    agent_id text not null,
    boot_id text not null,
    first_sequence bigint not null,
    last_sequence bigint not null,
    refused integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (school_id, agent_id, boot_id)
);
create index agent_conflict_by_age on agent_conflict (last_at);
"""

# Judged by the fleet's job: pages and lists read these, never the reports.
FLEET = """
create table computer_health (
    school_id text not null,
    agent_id text not null,
    region_id text not null,
    state text not null check (state in ('live', 'at_risk', 'silent', 'never_reported')),
    days integer not null,
    identity text not null default 'one' check (identity in ('one', 'restored', 'copied')),
    room text,
    software text,
    last_seen_at timestamptz,
    enrolled_at timestamptz not null,
    delay_s double precision,
    waiting bigint,
    dropped bigint,
    refused bigint not null default 0,
    is_delayed boolean not null default false,
    synthetic boolean not null,
    primary key (school_id, agent_id)
);
create index computer_health_by_state on computer_health (state, school_id, agent_id);

create table school_fleet (
    school_id text primary key,
    region_id text not null,
    state text not null check (state in ('live', 'at_risk', 'silent', 'never_reported', 'none_enrolled')),
    days integer,
    computers integer not null,
    live integer not null,
    at_risk integer not null,
    silent integer not null,
    never_reported integer not null,
    restored integer not null,
    copied integer not null,
    delayed integer not null,
    versions jsonb not null,
    synthetic boolean not null
);
create index school_fleet_by_region on school_fleet (region_id, school_id);

create table fleet_mark (
    only_one boolean primary key default true check (only_one),
    looked_to timestamptz not null,
    judged_at timestamptz
);
"""

JOBS = """
create table job (
    name text primary key,
    started_at timestamptz not null,
    run_by text not null,
    duration_s double precision,
    outcome text check (outcome in ('done', 'failed')),
    error text,
    succeeded_at timestamptz,
    runs bigint not null default 0,
    failures bigint not null default 0
);

-- What was last set up here besides the tables (grants, policies), so that a start that changes nothing locks nothing.
create table schema_mark (
    name text primary key,
    value text not null
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (BOOTS, FLEET, JOBS):
        op.execute(statements)
