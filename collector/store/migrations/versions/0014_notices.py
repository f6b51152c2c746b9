"""What happened that people are told of, who wants to be told, and what became of each message."""

from alembic import op

revision = "0014"
down_revision = "0013"

# An event is kept once, under a hash of what it tells (collector.store.notices). operator is '' where it concerns none;
# line and month are '' where it is about the whole school. number is the verdict's version, the step of a dispute, or
# how often the school fell silent. planned_at: whoever wanted it has a delivery now; is_late: nobody gets one.
EVENTS = """
create table notice_event (
    school_id text not null,
    event_id text not null,
    kind text not null,
    region_id text not null,
    operator text not null,
    line text not null,
    month text not null,
    number integer not null,
    synthetic boolean not null,
    is_late boolean not null,
    at timestamptz not null,
    detail jsonb not null,
    planned_at timestamptz,
    primary key (school_id, event_id)
);
create index notice_event_by_time on notice_event (at);
create index notice_event_to_plan on notice_event (at) where planned_at is null and not is_late;

create index verdict_by_age on verdict (judged_at);

create table notice_mark (
    only_one boolean primary key default true check (only_one),
    begun_at timestamptz not null,
    looked_to timestamptz not null
);
"""

# secret is what a webhook's messages are signed with: it has to be known here, and no role of the program reads it.
SUBSCRIBERS = """
create table notice_subscriber (
    subscriber_id text primary key,
    name text not null,
    role text not null,
    scope text not null,
    channel text not null check (channel in ('webhook', 'email')),
    address text not null,
    kinds text[] not null,
    secret bytea,
    author text not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    ended_why text,
    check ((secret is not null) = (channel = 'webhook'))
);
alter table notice_subscriber enable row level security;
"""

# role and scope are the subscriber's: whoever was told sees that it was. body has the very bytes of every try.
DELIVERIES = """
create table notice_delivery (
    school_id text not null,
    event_id text not null,
    subscriber_id text not null,
    kind text not null,
    role text not null,
    scope text not null,
    state text not null check (state in ('waiting', 'delivered', 'dead')),
    tries integer not null,
    created_at timestamptz not null,
    next_at timestamptz not null,
    tried_at timestamptz,
    outcome text,
    body bytea not null,
    primary key (school_id, event_id, subscriber_id)
);
create index notice_delivery_waiting on notice_delivery (next_at) where state = 'waiting';
create index notice_delivery_by_time on notice_delivery (created_at);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (EVENTS, SUBSCRIBERS, DELIVERIES):
        op.execute(statements)
