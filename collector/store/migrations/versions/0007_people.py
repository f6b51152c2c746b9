"""People: accounts, sessions, waits after wrong passwords, tokens with rights, and what people saw and changed."""

from alembic import op

revision = "0007"
down_revision = "0006"

# An account is local (with a password) or comes from the country's own login (issuer and subject), never both.
ACCOUNTS = """
create table account (
    name text primary key,
    full_name text,
    role text not null check (role in ('ministry', 'region', 'school', 'operator', 'auditor', 'admin')),
    scope text,
    password_hash text,
    password_set_at timestamptz,
    must_change boolean not null default false,
    totp_secret bytea,
    totp_pending bytea,
    totp_step bigint,
    issuer text,
    subject text,
    created_at timestamptz not null default now(),
    last_login_at timestamptz,
    disabled_at timestamptz,
    check ((scope is null) = (role in ('ministry', 'auditor', 'admin'))),
    check ((issuer is null) = (subject is null)),
    check ((issuer is null) <> (password_hash is null)),
    unique (issuer, subject)
);

create table recovery_code (
    name text not null references account,
    code_sha256 bytea not null,
    primary key (name, code_sha256)
);

create table login_session (
    session_sha256 bytea primary key,
    name text not null references account,
    stage text not null check (stage in ('second', 'password', 'enrol', 'whole')),
    begun_at timestamptz not null,
    seen_at timestamptz not null,
    ends_at timestamptz not null
);
create index login_session_by_name on login_session (name);
create index login_session_by_end on login_session (ends_at);
"""

# Names and addresses are kept as hashes: what somebody typed where a name belongs may be a password.
WAITS = """
create table login_wait (
    kind text not null check (kind in ('account', 'second', 'address')),
    key_sha256 bytea not null,
    failures integer not null check (failures >= 0),
    failed_at timestamptz not null,
    until timestamptz not null,
    primary key (kind, key_sha256)
);
create index login_wait_by_age on login_wait (failed_at);
"""

TOKENS = """
alter table access_token
    add column rights text[] not null default array['read', 'export'],
    add column last_used_at timestamptz;
"""

# No role of the program may change an entry, and neither may the owner by mistake.
AUDIT = """
create table audit_entry (
    entry_id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    who text not null,
    role text,
    scope text,
    address text,
    what text not null,
    about text,
    detail jsonb not null default '{}'
);
create index audit_entry_by_time on audit_entry using brin (at);
create index audit_entry_by_who on audit_entry (who);
create index audit_entry_by_about on audit_entry (about);
alter table audit_entry enable row level security;

create function audit_is_kept() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only ever added to';
end
$$;
create trigger audit_is_kept before update or delete on audit_entry
    for each row execute function audit_is_kept();
create trigger audit_is_kept_whole before truncate on audit_entry
    for each statement execute function audit_is_kept();
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (ACCOUNTS, WAITS, TOKENS, AUDIT):
        op.execute(statements)
