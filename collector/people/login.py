"""The way in: password, second factor, a password of one's own. Says the same, in the same time, whatever was wrong."""

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

from collector.errors import AccessDenied, AccountError
from collector.people import addresses, passwords, sessions, totp, waits
from collector.people.accounts import NAME, normal_name
from collector.people.sessions import Opened
from collector.settings import AccountsSettings
from collector.store import accounts, audit, logins
from collector.store.accounts import AccountRecord, Subject
from collector.store.audit import What, Who
from collector.store.database import Connection, Database
from collector.store.logins import SessionRecord, Stage
from collector.words import say

RECOVERY_CODES = 10
_WRONG = say("the name or the password is wrong, or the account is out of use")
_WRONG_CODE = say("this code is wrong or was used before; wait for the next one, or use a recovery code")


class Asking(Struct, frozen=True):
    """What every step of a login needs: where it is checked, from which address it comes, and when."""

    database: Database
    settings: AccountsSettings
    address: str | None
    now: datetime


def with_password(asking: Asking, name: str, password: str) -> Opened:
    """Check a name and a password and begin a session.

    Raises:
        AccessDenied: they are not right, or the first password is too old.
        TooManyTries: this account or this address has to wait.
    """
    name = normal_name(name)
    keys = [waits.address(addresses.place(asking.address)), waits.account(name)]
    waits.take(asking.database, asking.settings, keys, asking.now)
    record = _account(asking, name)
    is_right = passwords.is_right(record.password_hash if record else None, password)
    if record is None or not is_right or record.disabled_at is not None:
        # What was typed as a name may be a password: only names of accounts are written down.
        _note(asking, "refused", Who(record.name if record else "unknown"), {"why": "name or password"})
        raise AccessDenied(_WRONG)
    _check_age(asking, record)
    with asking.database.admitting() as connection:
        waits.give_back(connection, keys, asking.now)
        return _go_on(connection, asking, record, "second" if record.totp_secret else _after_code(asking, record))


def with_subject(asking: Asking, subject: Subject) -> Opened:
    """Begin the session of somebody whom the country's own login vouches for.

    Raises:
        AccessDenied: this account was taken out of use here.
    """
    who = Who(subject.name, subject.role, subject.scope, addresses.shortened(asking.address))
    with asking.database.admitting() as connection:
        if not accounts.is_disabled(connection, subject.name):
            accounts.keep_subject(connection, subject)
            detail = {"by": subject.issuer, "full name": subject.full_name}
            audit.note(connection, who, "logged in", now=asking.now, detail=detail)
            return sessions.begin(connection, subject.name, "whole", asking.settings, asking.now)
    _note(asking, "refused", who, {"why": "account out of use", "by": subject.issuer})
    raise AccessDenied(say("this account was taken out of use; ask the ministry's administrator"))


def with_code(asking: Asking, session_id: str, session: SessionRecord, given: str) -> Opened:
    """Check a code of the second factor, or a recovery code, and go on with the login.

    Raises:
        AccessDenied: it is not right.
        TooManyTries: this account has to wait.
    """
    record = _known(asking, session)
    keys = [waits.second(record.name)]
    waits.take(asking.database, asking.settings, keys, asking.now)
    with asking.database.admitting() as connection:
        if _spend(connection, record, given, asking.now):
            waits.give_back(connection, keys, asking.now)
            logins.end_session(connection, sessions.digest(session_id))
            return _go_on(connection, asking, record, _after_code(asking, record))
    _note(asking, "refused", Who(record.name, record.role, record.scope), {"why": "second factor"})
    raise AccessDenied(_WRONG_CODE)


def change_password(asking: Asking, session: SessionRecord, old: str, new: str) -> Opened:
    """Change somebody's own password; all their sessions end, and a new one begins.

    Raises:
        AccessDenied: the old one is wrong.
        AccountError: the new one cannot be a password, or is the old one.
        TooManyTries: this account has to wait.
    """
    record = _prove(asking, session, old)
    passwords.check(new, tuple(word for word in (record.name, record.full_name) if word))
    if passwords.are_same(old, new):
        raise AccountError(say("the new password is the old one; choose another"))
    new_hash = passwords.hashed(new)
    with asking.database.admitting() as connection:
        accounts.change_password(connection, record.name, new_hash, must_change=False, now=asking.now)
        logins.end_sessions(connection, record.name)
        _note_in(connection, asking, "changed", record, {"account": "own password"})
        return _go_on(connection, asking, record, _after_password(asking, record), session)


def offer_second_factor(asking: Asking, session: SessionRecord) -> bytes:
    """Return the secret that somebody's app shall make codes from; it counts once a code has confirmed it."""
    record = _known(asking, session)
    if record.totp_pending is not None:
        return record.totp_pending
    secret = totp.new_secret()
    with asking.database.admitting() as connection:
        accounts.offer_second_factor(connection, record.name, secret)
    return secret


def confirm_second_factor(asking: Asking, session: SessionRecord, given: str) -> tuple[Opened, list[str]]:
    """Let the offered secret count if the code is of it; return the session and the recovery codes, shown only now.

    Raises:
        AccessDenied: the code is not of the offered secret.
        TooManyTries: this account has to wait.
    """
    keys = [waits.second(session.name)]
    waits.take(asking.database, asking.settings, keys, asking.now)
    record = _known(asking, session)
    if record.totp_pending is None:
        raise AccountError(say("no second factor was offered; begin again"))
    step = totp.step_of(record.totp_pending, _digits(given), asking.now.timestamp())
    if step is None:
        raise AccessDenied(say("this code does not belong to the key shown; is the clock of the device right?"))
    codes = [secrets.token_hex(10) for _ in range(RECOVERY_CODES)]
    with asking.database.admitting() as connection:
        waits.give_back(connection, keys, asking.now)
        accounts.confirm_second_factor(connection, record.name, step, [_code_digest(code) for code in codes])
        logins.end_sessions(connection, record.name)
        _note_in(connection, asking, "changed", record, {"account": "second factor set up"})
        opened = _go_on(connection, asking, record, "whole", session)
    return opened, ["-".join(code[start : start + 5] for start in range(0, 20, 5)) for code in codes]


def remove_second_factor(asking: Asking, session: SessionRecord, password: str) -> None:
    """Do without the second factor again, after the password; not where the role has to have one."""
    if session.role in asking.settings.second_factor:
        raise AccountError(say("the role {role} must have a second factor", role=session.role))
    record = _prove(asking, session, password)
    with asking.database.admitting() as connection:
        accounts.remove_second_factor(connection, record.name)
        _note_in(connection, asking, "changed", record, {"account": "second factor removed"})


def note_refused(asking: Asking, which: str, why: str) -> None:
    """Write down that somebody did not get in by another way."""
    _note(asking, "refused", Who("unknown"), {"why": which, "said": why[:500]})


def end(asking: Asking, session_id: str, session: SessionRecord) -> None:
    """Log out: the session's id is worth nothing any more."""
    with asking.database.admitting() as connection:
        logins.end_session(connection, sessions.digest(session_id))
        who = Who(session.name, session.role, session.scope, addresses.shortened(asking.address))
        audit.note(connection, who, "logged out", now=asking.now)


def end_others(asking: Asking, session: SessionRecord) -> Opened:
    """Log out everywhere else; this place gets a new session."""
    record = _known(asking, session)
    with asking.database.admitting() as connection:
        logins.end_sessions(connection, session.name)
        _note_in(connection, asking, "changed", record, {"account": "other sessions ended"})
        return sessions.begin(connection, session.name, "whole", asking.settings, asking.now)


def _after_code(asking: Asking, record: AccountRecord) -> Stage:
    return "password" if record.must_change else _after_password(asking, record)


def _after_password(asking: Asking, record: AccountRecord) -> Stage:
    must_enrol = record.role in asking.settings.second_factor and record.totp_secret is None
    return "enrol" if must_enrol and record.issuer is None else "whole"


def _prove(asking: Asking, session: SessionRecord, password: str) -> AccountRecord:
    """Return the account of somebody who knows its password; who only found an open browser does not."""
    keys = [waits.account(session.name)]
    waits.take(asking.database, asking.settings, keys, asking.now)
    record = _known(asking, session)
    if not passwords.is_right(record.password_hash, password):
        _note(asking, "refused", Who(record.name, record.role, record.scope), {"why": "own password"})
        raise AccessDenied(say("the password is wrong"))
    with asking.database.admitting() as connection:
        waits.give_back(connection, keys, asking.now)
    return record


def _go_on(
    connection: Connection, asking: Asking, record: AccountRecord, stage: Stage, before: SessionRecord | None = None
) -> Opened:
    if stage == "whole" and (before is None or before.stage != "whole"):
        accounts.logged_in(connection, record.name, asking.now)
        _note_in(connection, asking, "logged in", record, {})
    return sessions.begin(connection, record.name, stage, asking.settings, asking.now)


def _spend(connection: Connection, record: AccountRecord, given: str, now: datetime) -> bool:
    """Use a code up if it is right: one of the app's, or one of those kept for a lost phone."""
    digits = _digits(given)
    if record.totp_secret is not None and len(digits) == totp.DIGITS and digits.isdecimal():
        step = totp.step_of(record.totp_secret, digits, now.timestamp())
        return step is not None and accounts.spend_step(connection, record.name, step)
    return accounts.spend_recovery_code(connection, record.name, _code_digest(given))


def _digits(given: str) -> str:
    shown = "".join(given.split())[:32]
    return shown if shown.isascii() else ""


def _code_digest(code: str) -> bytes:
    return hashlib.sha256("".join(code.split()).replace("-", "").lower()[:64].encode()).digest()


def _check_age(asking: Asking, record: AccountRecord) -> None:
    oldest = asking.now - timedelta(days=asking.settings.first_password_days)
    if record.must_change and record.password_set_at is not None and record.password_set_at < oldest:
        _note(asking, "refused", Who(record.name, record.role, record.scope), {"why": "first password too old"})
        days = asking.settings.first_password_days
        raise AccessDenied(
            say("this first password was not used within {days} days; ask an administrator for a new one", days=days)
        )


def _account(asking: Asking, name: str) -> AccountRecord | None:
    if NAME.fullmatch(name) is None:
        return None
    with asking.database.admitting() as connection:
        return accounts.account(connection, name)


def _known(asking: Asking, session: SessionRecord) -> AccountRecord:
    record = _account(asking, session.name)
    if record is None or record.disabled_at is not None:
        raise AccessDenied(_WRONG)
    return record


def _note(asking: Asking, what: What, who: Who, detail: dict[str, object]) -> None:
    with asking.database.admitting() as connection:
        known = Who(who.name, who.role, who.scope, addresses.shortened(asking.address))
        audit.note(connection, known, what, now=asking.now, detail=detail)


def _note_in(
    connection: Connection, asking: Asking, what: What, record: AccountRecord, detail: dict[str, object]
) -> None:
    who = Who(record.name, record.role, record.scope, addresses.shortened(asking.address))
    about = f"account {record.name}" if what == "changed" else None
    audit.note(connection, who, what, about, now=asking.now, detail=detail)
