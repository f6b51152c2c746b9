"""People's accounts as they are stored. What a password or a code has to be is decided in collector.people."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection, Role
from collector.store.questions import sql


class AccountRecord(Struct, frozen=True, kw_only=True):
    """An account with its secrets; only for checking them."""

    name: str
    full_name: str | None
    role: Role
    scope: str | None
    password_hash: str | None
    password_set_at: datetime | None
    must_change: bool
    totp_secret: bytes | None
    totp_pending: bytes | None
    issuer: str | None
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None


class ListedAccount(Struct, frozen=True, kw_only=True):
    """An account as lists show it. ``local``: it has a password here; others come from the country's own login."""

    name: str
    full_name: str | None
    role: Role
    scope: str | None
    local: bool
    second_factor: bool
    must_change: bool
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None


class NewAccount(Struct, frozen=True, kw_only=True):
    """What an account is made of, its first password as a hash."""

    name: str
    full_name: str | None
    role: Role
    scope: str | None
    password_hash: str
    now: datetime


class Subject(Struct, frozen=True, kw_only=True):
    """A person whom another login vouches for, with the role that it means here."""

    name: str
    full_name: str | None
    role: Role
    scope: str | None
    issuer: str
    subject: str
    now: datetime


def account(connection: Connection, name: str) -> AccountRecord | None:
    """Return the account of this name."""
    with connection.cursor(row_factory=kwargs_row(AccountRecord)) as cursor:
        return cursor.execute(sql("account"), {"name": name}).fetchone()


def accounts(connection: Connection) -> list[ListedAccount]:
    """Return every account by name, without its secrets."""
    with connection.cursor(row_factory=kwargs_row(ListedAccount)) as cursor:
        return cursor.execute(sql("accounts")).fetchall()


def any_account(connection: Connection) -> bool:
    """Tell whether anybody could log in."""
    row = connection.execute(sql("any_account")).fetchone()
    return bool(row and row[0])


def keep_account(connection: Connection, made: NewAccount) -> bool:
    """Store a new account; return False where the name is taken."""
    return connection.execute(sql("keep_account"), _values(made)).rowcount == 1


def keep_subject(connection: Connection, subject: Subject) -> None:
    """Store or renew the account of a person whom another login vouches for."""
    connection.execute(sql("keep_account_of_subject"), _values(subject))


def is_disabled(connection: Connection, name: str) -> bool:
    """Tell whether there is an account of this name that was taken out of use."""
    found = account(connection, name)
    return found is not None and found.disabled_at is not None


def change_password(connection: Connection, name: str, password_hash: str, *, must_change: bool, now: datetime) -> bool:
    """Store a new password's hash; return False where there is no local account of this name."""
    values = {"name": name, "password_hash": password_hash, "must_change": must_change, "now": now}
    return connection.execute(sql("change_password"), values).rowcount == 1


def disable(connection: Connection, name: str, now: datetime) -> bool:
    """Take an account out of use; return False where none was in use."""
    return connection.execute(sql("disable_account"), {"name": name, "now": now}).rowcount == 1


def enable(connection: Connection, name: str) -> bool:
    """Take an account into use again; return False where none was out of use."""
    return connection.execute(sql("enable_account"), {"name": name}).rowcount == 1


def logged_in(connection: Connection, name: str, now: datetime) -> None:
    """Remember when this account was last logged into."""
    connection.execute(sql("account_logged_in"), {"name": name, "now": now})


def offer_second_factor(connection: Connection, name: str, secret: bytes) -> None:
    """Store a secret that counts once a first code has confirmed it."""
    connection.execute(sql("offer_second_factor"), {"name": name, "secret": secret})


def confirm_second_factor(connection: Connection, name: str, step: int, codes_sha256: list[bytes]) -> None:
    """Let the offered secret count, with these recovery codes."""
    connection.execute(sql("confirm_second_factor"), {"name": name, "step": step})
    connection.execute(sql("remove_recovery_codes"), {"name": name})
    for code in codes_sha256:
        connection.execute(sql("keep_recovery_code"), {"name": name, "code_sha256": code})


def remove_second_factor(connection: Connection, name: str) -> None:
    """Forget the second factor and its recovery codes."""
    connection.execute(sql("remove_second_factor"), {"name": name})
    connection.execute(sql("remove_recovery_codes"), {"name": name})


def spend_step(connection: Connection, name: str, step: int) -> bool:
    """Use a time step's code up; return False where it, or a later one, was used before."""
    return connection.execute(sql("spend_step"), {"name": name, "step": step}).rowcount == 1


def spend_recovery_code(connection: Connection, name: str, code_sha256: bytes) -> bool:
    """Use a recovery code up; return False where there is none like it."""
    return connection.execute(sql("spend_recovery_code"), {"name": name, "code_sha256": code_sha256}).rowcount == 1


def _values(record: NewAccount | Subject) -> dict[str, object]:
    return {field: getattr(record, field) for field in record.__struct_fields__}
