"""Registry, agents, signed reports, what was read from them, tokens. Every growing table is keyed by school."""

from alembic import op

revision = "0001"
down_revision = None

REGISTRY = """
create table region (
    region_id text primary key,
    name_kk text not null,
    name_ru text not null,
    name_en text not null
);

create table school (
    school_id text primary key,
    name text not null,
    region_id text not null references region,
    district text,
    latitude double precision,
    longitude double precision,
    pupils integer check (pupils >= 0),
    connectivity_type text,
    connected boolean,
    operator text,
    download_contracted_bps bigint check (download_contracted_bps > 0),
    upload_contracted_bps bigint check (upload_contracted_bps > 0),
    synthetic boolean not null default false,
    extra jsonb not null default '{}',
    updated_at timestamptz not null default now()
);
create index school_by_region on school (region_id);
create index school_by_operator on school (operator);
"""

AGENTS = """
create table enrollment_token (
    token_sha256 bytea not null,
    school_id text not null references school,
    uses integer not null check (uses > 0),
    used integer not null default 0 check (used <= uses),
    expires_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (school_id, token_sha256)
);
create index enrollment_token_by_hash on enrollment_token (token_sha256);

create table agent (
    school_id text not null references school,
    agent_id text not null,
    public_key bytea not null,
    token_sha256 bytea,
    room text,
    software text,
    enrolled_at timestamptz not null default now(),
    revoked_at timestamptz,
    last_seen_at timestamptz,
    primary key (school_id, agent_id)
);
create index agent_by_id on agent (agent_id);
"""

# operator and region_id are those of the school when the report came in: an operator that takes a school over later
# neither sees nor answers for what was measured before. They also keep the policies free of sub-selects (Citus).
REPORTS = """
create table report (
    school_id text not null,
    agent_id text not null,
    sequence bigint not null,
    payload bytea not null,
    payload_sha256 bytea not null,
    previous_sha256 bytea,
    signature bytea not null,
    schema integer not null,
    software text not null,
    trigger text not null,
    boot_id text not null,
    monotonic_s double precision not null,
    created_at timestamptz not null,
    received_at timestamptz not null,
    clock_ahead_s double precision,
    region_id text not null,
    operator text,
    synthetic boolean not null,
    primary key (school_id, agent_id, sequence),
    foreign key (school_id, agent_id) references agent
);
create index report_by_time on report using brin (received_at);

create table measurement (
    school_id text not null,
    agent_id text not null,
    sequence bigint not null,
    position integer not null,
    kind text not null,
    probe text,
    failure text,
    detail text,
    measured_at timestamptz not null,
    body json not null,
    region_id text not null,
    operator text,
    synthetic boolean not null,
    primary key (school_id, agent_id, sequence, position),
    foreign key (school_id, agent_id, sequence) references report
);
create index measurement_by_school_and_time on measurement (school_id, measured_at);

create table speed_test (
    school_id text not null,
    agent_id text not null,
    sequence bigint not null,
    position integer not null,
    measured_at timestamptz not null,
    engine text not null,
    server text not null,
    purpose text not null,
    download_bps double precision,
    download_low_bps double precision,
    download_high_bps double precision,
    download_at_least boolean,
    upload_bps double precision,
    upload_low_bps double precision,
    upload_high_bps double precision,
    upload_at_least boolean,
    rtt_idle_ms double precision,
    tainted text[] not null,
    medium text,
    link_speed_bps double precision,
    region_id text not null,
    operator text,
    synthetic boolean not null,
    primary key (school_id, agent_id, sequence, position),
    foreign key (school_id, agent_id, sequence) references report
);
create index speed_test_by_school_and_time on speed_test (school_id, measured_at);
create index speed_test_by_time on speed_test using brin (measured_at);
"""

ACCESS = """
create table access_token (
    token_sha256 bytea primary key,
    name text not null,
    role text not null check (role in ('ministry', 'region', 'school', 'operator', 'auditor', 'admin')),
    scope text,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    check ((scope is null) = (role in ('ministry', 'auditor', 'admin')))
);

create table role_secret (
    role_name text primary key,
    password text not null
);
"""


def upgrade() -> None:
    """Make the first tables."""
    for statements in (REGISTRY, AGENTS, REPORTS, ACCESS):
        op.execute(statements)
