"""Rollups: each school's days and months added up, its periods judged, and which days wait to be added up again."""

from alembic import op

revision = "0005"
down_revision = "0004"

# What speaks in a row: 'any' counts every test of a school; 'cable' only tests surely over a cable against it, each for
# the operator whose time it was made in ('' for none), who answers for no other. histograms (packed by
# collector.store.rollups) and absences are counts by name and bin (collector.slots), so that days add up to months; the
# squares tell the spread between days.
_FIGURES = """
    region_id text not null,
    tests integer not null,
    undisturbed integer not null,
    slots integer not null,
    slots_met integer not null,
    slots_missed integer not null,
    download_sum_bps double precision not null,
    download_count integer not null,
    upload_sum_bps double precision not null,
    upload_count integer not null,
    histograms bytea not null,
    absences jsonb not null,
    synthetic boolean not null,
    judged_days integer not null,
    met_squared bigint not null,
    met_by_judged bigint not null,
    judged_squared bigint not null,
"""

DAYS = """
create table school_day (
    school_id text not null,
    day date not null,
    voice text not null check (voice in ('any', 'cable')),
    operator text not null,
    FIGURES
    primary key (school_id, day, voice, operator)
) partition by range (day);
create table school_day_other partition of school_day default;
create index school_day_by_day on school_day using brin (day);

create table school_month (
    school_id text not null,
    month date not null,
    voice text not null check (voice in ('any', 'cable')),
    operator text not null,
    FIGURES
    primary key (school_id, month, voice, operator)
);

create table dirty_day (
    school_id text not null,
    day date not null,
    since timestamptz not null default now(),
    primary key (school_id, day, since)
);
create index dirty_day_by_age on dirty_day (since);
-- Any reader may know that a day waits, and not whose.
create view day_waits as select since from dirty_day;
"""

# What rankings order by, judged from the months by collector.readiness. operator '' is the whole school; another row is
# the school as that operator answers for it.
PERIODS = """
create table school_period (
    school_id text not null,
    period text not null,
    operator text not null,
    voice text not null,
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
    absences jsonb not null,
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
-- Rankings order thousands of schools by what this index holds, and read whole rows of the wanted page only; that needs
-- a table that is vacuumed soon after each evening's changes.
create index school_period_by_period on school_period (period, operator) include (
    school_id, region_id, state, meets, tests, slots, slots_met, slots_missed, download_bps, upload_bps,
    download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps, missing_download_bps
);
alter table school_period set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- schools: of how many it was found; changed: how many were judged anew since.
create table period_prior (
    period text primary key,
    share double precision not null,
    weight double precision not null,
    schools integer not null,
    changed integer not null default 0,
    updated_at timestamptz not null default now()
);
"""

# What rankings of schools found, one row for each ranking's view of a school's period (collector.findings): operator
# '' is the whole school; another row is the school as that operator may see it, from its own time's tests. class: 0
# judged, 1 not enough data but a figure, 2 nothing to rank by; meets where the ranking gives an answer of its own.
# finding_due names what has to be found anew; marked_at tells whether it was marked again meanwhile.
FINDINGS = """
create table school_finding (
    school_id text not null,
    period text not null,
    ranking text not null,
    operator text not null,
    region_id text not null,
    synthetic boolean not null,
    class smallint not null,
    score double precision,
    meets boolean,
    body jsonb not null,
    cause text generated always as (body ->> 'cause') stored,
    unfit_rooms integer generated always as ((body ->> 'unfit_rooms')::integer) stored,
    rules_version text not null,
    updated_at timestamptz not null default now(),
    primary key (school_id, period, ranking, operator)
);
-- Whole, so that neither ordering schools nor the plan reads their bodies.
create index school_finding_by_period on school_finding (period, ranking, operator)
    include (school_id, region_id, class, score, meets, cause, unfit_rooms);

create table finding_due (
    school_id text not null,
    period text not null,
    since timestamptz not null,
    marked_at timestamptz not null,
    not_before timestamptz not null default '-infinity',
    primary key (school_id, period)
);
create index finding_due_by_age on finding_due (since);
-- Any reader may know that something waits, and not whose.
create view finding_waits as select period, not_before from finding_due;
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
-- told_on: the date of the newest registry that told of the school; an older one changes its history only.
alter table school add column closed_on date, add column merged_into text, add column told_on date;
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (DAYS.replace("    FIGURES\n", _FIGURES), PERIODS, FINDINGS, HISTORY):
        op.execute(statements)
