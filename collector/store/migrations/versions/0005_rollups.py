"""Rollups: each school's days and months added up, its periods judged, and which days wait to be added up again."""

from alembic import op

revision = "0005"
down_revision = "0004"

# operator is that of the tests ('' for none): an operator that takes a school over answers for none of what was before.
# histograms and absences are counts by name and bin, so that days add up to months; see collector.rollup.
_FIGURES = """
    region_id text not null,
    tests integer not null,
    undisturbed integer not null,
    computers integer not null,
    slots integer not null,
    slots_met integer not null,
    slots_missed integer not null,
    download_sum_bps double precision not null,
    download_count integer not null,
    upload_sum_bps double precision not null,
    upload_count integer not null,
    histograms jsonb not null,
    absences jsonb not null,
    synthetic boolean not null,
"""

DAYS = f"""
create table school_day (
    school_id text not null,
    day date not null,
    operator text not null,
    {_FIGURES}
    primary key (school_id, day, operator)
) partition by range (day);
create table school_day_other partition of school_day default;
create index school_day_by_day on school_day using brin (day);

create table school_month (
    school_id text not null,
    month date not null,
    operator text not null,
    {_FIGURES}
    days integer not null,
    primary key (school_id, month, operator)
);

create table dirty_day (
    school_id text not null,
    day date not null,
    since timestamptz not null default now(),
    primary key (school_id, day)
);
create index dirty_day_by_age on dirty_day (since);
"""

# operator '' is the whole school; another is the school as that operator may see it, made of its own time only.
PERIODS = """
create table school_period (
    school_id text not null,
    period text not null,
    operator text not null,
    region_id text not null,
    district text,
    connectivity_type text,
    synthetic boolean not null,
    pupils integer,
    tests integer not null,
    computers integer not null,
    days integer not null,
    slots integer not null,
    slots_met integer not null,
    slots_missed integer not null,
    share double precision,
    share_low double precision,
    share_high double precision,
    download_p25_bps double precision,
    download_bps double precision,
    download_p95_bps double precision,
    upload_p25_bps double precision,
    upload_bps double precision,
    upload_p95_bps double precision,
    download_at_least_bps double precision,
    upload_at_least_bps double precision,
    required_download_bps double precision,
    required_upload_bps double precision,
    missing_download_bps double precision,
    missing_upload_bps double precision,
    meets boolean,
    state text not null,
    reason text not null,
    updated_at timestamptz not null default now(),
    primary key (school_id, period, operator)
);
create index school_period_by_period on school_period (period, operator);

create table period_prior (
    period text primary key,
    share double precision not null,
    weight double precision not null,
    updated_at timestamptz not null default now()
);
"""

# What the registry said of a school, from when on: regions split, schools merge, operators and plans change.
HISTORY = """
create table school_history (
    school_id text not null references school,
    valid_from date not null,
    valid_to date,
    name text not null,
    region_id text not null,
    district text,
    pupils integer,
    connectivity_type text,
    operator text,
    download_contracted_bps bigint,
    upload_contracted_bps bigint,
    primary key (school_id, valid_from)
);
alter table school add column closed_on date, add column merged_into text;
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (DAYS, PERIODS, HISTORY):
        op.execute(statements)
