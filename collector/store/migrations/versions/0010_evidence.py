"""The log: what waits for its place in it, its entries, its tree, its checkpoints and who cosigned them."""

from alembic import op

revision = "0010"
down_revision = "0009"

# school_id and operator are '' where an entry concerns no single one. The key begins with the order in which the
# sequencer takes what waits, so that one index does for both; id tells apart what is the same otherwise.
PENDING = """
create table log_pending (
    school_id text not null,
    operator text not null,
    subject text not null,
    key text not null check (length(key) between 1 and 256),
    sha256 bytea not null,
    at timestamptz not null,
    is_salted boolean not null,
    id bigint generated always as identity,
    primary key (at, school_id, id)
);
-- What came before there was a log waits for its place as well.
insert into log_pending (school_id, operator, subject, key, sha256, at, is_salted)
select school_id, coalesce(operator, ''), 'report', agent_id || '/' || sequence, payload_sha256, received_at, false
from report;
"""

# A log that was restored from a backup ends for a reason, and the next one begins: number counts them. stopped: why it
# stands still; before: the last checkpoint of the log before it, which its first entry names.
LOG = """
create table log (
    number integer primary key,
    origin text not null unique,
    public_key bytea not null,
    size bigint not null default 0,
    begun_at timestamptz not null,
    ended_at timestamptz,
    reason text,
    stopped text,
    before text
);

create table log_entry (
    school_id text not null,
    log integer not null,
    index bigint not null,
    region_id text not null,
    operator text not null,
    subject text not null,
    key text not null,
    at timestamptz not null,
    entry bytea not null,
    primary key (school_id, log, index)
);
create index log_entry_by_index on log_entry (log, index);
create index log_entry_by_key on log_entry (key);

create table log_tile (
    log integer not null,
    level integer not null,
    number bigint not null,
    hashes bytea not null,
    primary key (log, level, number)
);
alter table log_tile alter column hashes set storage external;  -- hashes do not compress
"""

CHECKPOINTS = """
create table checkpoint (
    log integer not null,
    size bigint not null,
    root bytea not null,
    at timestamptz not null,
    note text not null,
    stamp bytea,
    primary key (log, size)
);

create table witness (
    name text primary key,
    key text not null unique,
    added_at timestamptz not null,
    ended_at timestamptz
);

create table cosignature (
    log integer not null,
    size bigint not null,
    witness text not null references witness (name),
    at timestamptz not null,
    line text not null,
    received_at timestamptz not null,
    primary key (log, size, witness)
);

-- The keys with which receipts are signed; each process's computer has one of its own.
create table receipt_key (
    key_id text primary key,
    public_key bytea not null,
    made_at timestamptz not null
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (PENDING, LOG, CHECKPOINTS):
        op.execute(statements)
