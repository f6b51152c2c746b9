"""The schools' rooms, and what each session saw of the network inside: the link, and the strongest own access point."""

from alembic import op

revision = "0002"
down_revision = "0001"

# room_key is what makes two labels one room (agent.contract.coverage). region_id keeps the policy free of sub-selects.
ROOMS = """
create table room (
    school_id text not null references school,
    room_key text not null,
    label text not null,
    floor text,
    source text not null check (source in ('register', 'survey', 'computer')),
    created_at timestamptz not null default now(),
    region_id text not null,
    synthetic boolean not null,
    primary key (school_id, room_key)
);
"""

# own_dbm is the 20th percentile of the strongest own access point; where looked is true, null is "none was heard".
SIGHTINGS = """
create table sighting (
    school_id text not null,
    agent_id text not null,
    sequence bigint not null,
    measured_at timestamptz not null,
    is_survey boolean not null,
    room_key text,
    medium text,
    adapter text,
    link_speed_bps double precision,
    duplex text,
    packets bigint,
    errors bigint,
    gateway text,
    gateway_digest text,
    gateway_ms double precision,
    ssid_hex text,
    looked boolean not null,
    own_dbm double precision,
    own_bssid text,
    own_ssid_hex text,
    own_ssid text,
    own_channel integer,
    region_id text not null,
    synthetic boolean not null,
    primary key (school_id, agent_id, sequence),
    foreign key (school_id, agent_id, sequence) references report
);
create index sighting_by_school_and_time on sighting (school_id, measured_at);
create index sighting_by_time on sighting using brin (measured_at);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(ROOMS)
    op.execute(SIGHTINGS)
