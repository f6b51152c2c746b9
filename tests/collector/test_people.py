import unicodedata
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import access
from collector.errors import AccessDenied, AccountError, NotFound, TooManyTries
from collector.people import accounts, addresses, login, passwords, sessions, totp, waits
from collector.people.accounts import Wanted
from collector.people.login import Asking
from collector.settings import AccountsSettings
from collector.store import access as tokens
from collector.store import accounts as stored
from collector.store import audit
from collector.store.audit import Who
from collector.store.database import MINISTRY, Viewer

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADMIN = Who("root", "admin")
OWN = "seven green horses sleep"


@pytest.fixture
def asking(database):
    """Ask as a browser at one address does, at a time that the test moves."""

    def ask(seconds: float = 0, address: str | None = "203.0.113.9", **changes) -> Asking:
        return Asking(database, AccountsSettings(**changes), address, NOW + timedelta(seconds=seconds))

    return ask


@pytest.fixture
def account(database, asking):
    """Make an account with a password of its own."""

    def make(name: str = "aigul", role: str = "ministry", scope: str | None = None) -> str:
        first = accounts.create(database, Wanted(name=name, role=role, scope=scope), ADMIN, NOW)
        opened = login.with_password(asking(), name, first)
        login.change_password(asking(), session_of(database, opened), first, OWN)
        return OWN

    return make


def session_of(database, opened, at=NOW):
    """Return the session that a step of a login began."""
    found = sessions.find(database, AccountsSettings(), opened.session_id, at)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds, code):
    """RFC 6238, appendix B, SHA-1."""
    assert totp.code(b"12345678901234567890", seconds // totp.STEP_S, digits=8) == code


def test_a_code_holds_for_one_step_on_either_side():
    """Clocks may differ by half a minute, not by more."""
    secret, now = b"12345678901234567890", 1_111_111_111
    step = now // totp.STEP_S
    found = [totp.step_of(secret, totp.code(secret, step + apart), now) for apart in (-2, -1, 0, 1, 2)]
    assert found == [None, step - 1, step, step + 1, None]


@pytest.mark.parametrize(
    "password",
    [
        "short1!A",
        "passwordpassword",
        "Password1234",
        "123456789012",
        "aaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "qwertyuiop[]",
        "ЙЦУКЕНгшщзхъ",
        "netready2026!",
        "aigul.n-2026",
        "x" * 129,
        "a proper one\0but",
    ],
)
def test_passwords_that_are_guessed_first_are_refused(password):
    """Too short, too long, in the list, a run on the keyboard, the account's name with a number."""
    with pytest.raises(AccountError):
        passwords.check(password, ("aigul.n",))


@pytest.mark.parametrize("password", ["seven green horses", "жеті жасыл жылқы", "x7#Q-pL2v!9k", "ааббввггддее"])
def test_no_rule_of_composition_refuses_a_password(password):
    """Words, another alphabet, signs or none: what counts is that nobody guesses it."""
    passwords.check(password, ("aigul.n",))


def test_a_password_is_the_same_however_its_letters_are_composed():
    """Й as one code point or as two: keyboards differ, people do not know."""
    kept = passwords.hashed(unicodedata.normalize("NFC", "Йогурт и чай с мёдом"))
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.is_right(kept, unicodedata.normalize("NFD", "Йогурт и чай с мёдом"))
    assert not passwords.is_right(kept, "йогурт и чай с мёдом")
    assert not passwords.is_right(None, "йогурт и чай с мёдом")


@given(st.ip_addresses())
def test_a_shortened_address_names_no_computer(address):
    """At least 256 computers share what is kept."""
    kept = addresses.shortened(str(address))
    assert kept is not None
    assert int(kept.partition("/")[2]) == (24 if address.version == 4 else 48)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.7, 203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        (None, ["198.51.100.7"], None),
    ],
)
def test_only_our_own_proxies_are_believed(peer, forwarded, found):
    """What a stranger writes into X-Forwarded-For moves nobody's failures to another address."""
    assert addresses.of_request(peer, forwarded, ("10.0.0.1", "10.0.0.2")) == found


def test_a_first_password_has_to_be_changed(database, asking):
    """It opens the change of password and nothing else, once; then the person's own one opens everything."""
    first = accounts.create(database, Wanted(name=" Aigul ", role="ministry", full_name="Айгүл Н."), ADMIN, NOW)
    opened = login.with_password(asking(), "aigul", first)
    assert opened.stage == "password"
    session = session_of(database, opened)
    for new, error in ((first, AccountError), ("netready2026", AccountError), ("short", AccountError)):
        with pytest.raises(error):
            login.change_password(asking(), session, first, new)
    with pytest.raises(AccessDenied):
        login.change_password(asking(), session, "not the old one", OWN)
    changed = login.change_password(asking(), session, first, OWN)
    assert changed.stage == "whole"
    assert sessions.find(database, AccountsSettings(), opened.session_id, NOW) is None
    assert login.with_password(asking(), "AIGUL", OWN).stage == "whole"
    with pytest.raises(AccessDenied):
        login.with_password(asking(), "aigul", first)


def test_a_first_password_does_not_wait_for_ever(database, asking):
    """After fourteen days an administrator has to make another."""
    first = accounts.create(database, Wanted(name="aigul", role="ministry"), ADMIN, NOW)
    with pytest.raises(AccessDenied, match="14 days"):
        login.with_password(asking(15 * 86_400), "aigul", first)
    again = accounts.reset_password(database, "aigul", ADMIN, NOW + timedelta(days=15))
    assert login.with_password(asking(15 * 86_400), "aigul", again).stage == "password"


@pytest.mark.parametrize("name", ["aigul", "nobody", "no such name at all", "x" * 5_000, "nul\0"])
def test_a_wrong_login_tells_nothing(database, asking, account, name):
    """The same sentence whether the account exists or not, and whether it waits or not."""
    account()
    for _ in range(5):
        with pytest.raises(AccessDenied, match="the name or the password is wrong, or the account is out of use"):
            login.with_password(asking(), name, "wrong")
    with pytest.raises(AccessDenied):
        login.with_password(asking(), name, "wrong")
    with pytest.raises(TooManyTries, match="2 s"):
        login.with_password(asking(), name, OWN)


def test_waits_double_and_end_with_the_right_password(database, asking, account):
    """Five tries are free; then 2, 4, 8 seconds; the right password forgets them all; another process sees the same."""
    account()
    seconds = 0
    for _ in range(5):
        with pytest.raises(AccessDenied):
            login.with_password(asking(), "aigul", "wrong")
    for expected in (2, 4, 8, 16):
        with pytest.raises(AccessDenied):
            login.with_password(asking(seconds), "aigul", "wrong")
        with pytest.raises(TooManyTries) as refused:
            login.with_password(asking(seconds), "aigul", OWN)
        assert refused.value.retry_after_s == expected
        seconds += expected
    assert login.with_password(asking(seconds), "aigul", OWN).stage == "whole"
    with pytest.raises(AccessDenied):
        login.with_password(asking(seconds), "aigul", "wrong")


def test_a_wait_has_an_end_and_a_hundred_failures_have_none(database):
    """Nobody is shut out for more than a quarter of an hour by a stranger, until it is plainly an attack."""
    settings, at = AccountsSettings(), NOW
    for _ in range(waits.MOST_FAILURES):
        waits.take(database, settings, [waits.account("aigul")], at)
        at += timedelta(seconds=settings.longest_wait_s)
    with pytest.raises(TooManyTries, match="unlock") as refused:
        waits.take(database, settings, [waits.account("aigul")], at + timedelta(days=9))
    assert refused.value.retry_after_s is None
    with database.admitting() as connection:
        assert waits.lift(connection, "aigul")
    waits.take(database, settings, [waits.account("aigul")], at)


def test_one_address_cannot_try_many_accounts(database, asking, account):
    """Twenty failures at an address, whatever the names; a right password there takes back its own try only."""
    account()
    for number in range(20):
        waits.take(database, AccountsSettings(), [waits.address("203.0.113.9/32"), waits.account(f"n{number}")], NOW)
    login.with_password(asking(), "aigul", OWN)
    waits.take(database, AccountsSettings(), [waits.address("203.0.113.9/32")], NOW)
    with pytest.raises(TooManyTries):
        login.with_password(asking(), "aigul", OWN)
    assert login.with_password(asking(address="198.51.100.7"), "aigul", OWN).stage == "whole"


def test_a_second_factor_is_asked_and_each_code_is_good_once(database, asking, account):
    """Setting it up needs a code of it; then the password alone opens nothing; a code does not work twice."""
    account()
    session = session_of(database, login.with_password(asking(), "aigul", OWN))
    secret = login.offer_second_factor(asking(), session)
    assert login.offer_second_factor(asking(), session) == secret
    with pytest.raises(AccessDenied):
        login.confirm_second_factor(asking(), session, "000000")
    code = totp.code(secret, int(NOW.timestamp()) // 30)
    opened, codes = login.confirm_second_factor(asking(), session, f" {code[:3]} {code[3:]} ")
    assert opened.stage == "whole"
    assert len(set(codes)) == login.RECOVERY_CODES
    first = login.with_password(asking(), "aigul", OWN)
    half = session_of(database, first)
    assert (first.stage, half.stage) == ("second", "second")
    with pytest.raises(AccessDenied):
        login.with_code(asking(), first.session_id, half, code)
    later = totp.code(secret, int(NOW.timestamp()) // 30 + 1)
    assert login.with_code(asking(20), first.session_id, half, later).stage == "whole"
    assert sessions.find(database, AccountsSettings(), first.session_id, NOW) is None


def test_a_recovery_code_replaces_a_lost_telephone_once(database, asking, account):
    """Written with or without its hyphens, in large or small letters, and only one time."""
    account()
    session = session_of(database, login.with_password(asking(), "aigul", OWN))
    secret = login.offer_second_factor(asking(), session)
    _, codes = login.confirm_second_factor(asking(), session, totp.code(secret, int(NOW.timestamp()) // 30))
    for code, works in ((codes[0].upper(), True), (codes[0], False), (codes[1].replace("-", " "), True), ("", False)):
        opened = login.with_password(asking(), "aigul", OWN)
        half = session_of(database, opened)
        if works:
            assert login.with_code(asking(), opened.session_id, half, code).stage == "whole"
        else:
            with pytest.raises(AccessDenied):
                login.with_code(asking(), opened.session_id, half, code)


def test_guessing_codes_costs_time_too(database, asking, account):
    """Whoever has the password cannot try all million codes."""
    account()
    session = session_of(database, login.with_password(asking(), "aigul", OWN))
    secret = login.offer_second_factor(asking(), session)
    login.confirm_second_factor(asking(), session, totp.code(secret, int(NOW.timestamp()) // 30))
    opened = login.with_password(asking(), "aigul", OWN)
    half = session_of(database, opened)
    for _ in range(6):
        with pytest.raises(AccessDenied):
            login.with_code(asking(), opened.session_id, half, "000000")
    login.with_password(asking(), "aigul", OWN)
    with pytest.raises(TooManyTries):
        login.with_code(asking(), opened.session_id, half, "000000")


def test_roles_can_be_made_to_have_a_second_factor(database, asking, account):
    """Where the settings say so, a login ends at setting one up, and it cannot be taken off."""
    account("root", "admin")
    opened = login.with_password(asking(second_factor=("admin",)), "root", OWN)
    assert opened.stage == "enrol"
    with pytest.raises(AccountError, match="must have"):
        login.remove_second_factor(asking(second_factor=("admin",)), session_of(database, opened), OWN)


def test_sessions_end(database, asking, account):
    """After half an hour without use, after twelve hours, with logout, a new password, and the account."""
    account()

    def found(opened, seconds):
        return sessions.find(database, AccountsSettings(), opened.session_id, NOW + timedelta(seconds=seconds))

    idle = login.with_password(asking(), "aigul", OWN)
    assert found(idle, 1_799)
    assert found(idle, 1_799 + 1_801) is None
    busy = login.with_password(asking(), "aigul", OWN)
    assert all(found(busy, minutes * 60) for minutes in range(0, 720, 25))
    assert found(busy, 720 * 60 + 1) is None
    left = login.with_password(asking(), "aigul", OWN)
    login.end(asking(), left.session_id, found(left, 0))
    assert found(left, 1) is None
    first, second = (login.with_password(asking(), "aigul", OWN) for _ in range(2))
    kept = login.end_others(asking(), found(first, 0))
    assert (found(first, 1), found(second, 1)) == (None, None)
    assert found(kept, 1)
    accounts.disable(database, "aigul", ADMIN, NOW)
    assert found(kept, 1) is None
    with pytest.raises(AccessDenied):
        login.with_password(asking(), "aigul", OWN)
    accounts.enable(database, "aigul", ADMIN, NOW)
    assert login.with_password(asking(), "aigul", OWN).stage == "whole"


def test_nothing_in_the_database_opens_a_session(database, database_url, asking, account):
    """Ids, passwords and recovery codes are kept as hashes only."""
    account()
    opened = login.with_password(asking(), "aigul", OWN)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select login_session::text from login_session").fetchall()
        rows += connection.execute("select account::text from account").fetchall()
    text = str(rows)
    assert opened.session_id not in text
    assert opened.session_id.encode().hex() not in text
    assert OWN not in text


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted(name="ab", role="ministry"), AccountError),
        (Wanted(name="with space", role="ministry"), AccountError),
        (Wanted(name="sso-0123456789", role="ministry"), AccountError),
        (Wanted(name="<script>", role="ministry"), AccountError),
        (Wanted(name="aigul", role="region"), AccessDenied),
        (Wanted(name="aigul", role="ministry", scope="KZ-75"), AccessDenied),
        (Wanted(name="aigul", role="region", scope="KZ-99"), NotFound),
        (Wanted(name="aigul", role="school", scope="1"), NotFound),
    ],
)
def test_an_account_fits_the_registry(database, wanted, error):
    """Names that can be typed and told apart; scopes that exist."""
    with pytest.raises(error):
        accounts.create(database, wanted, ADMIN, NOW)


def test_a_name_is_given_once(database):
    """A second account of the same name would get the first one's entries in the log."""
    accounts.create(database, Wanted(name="aigul", role="ministry"), ADMIN, NOW)
    with pytest.raises(AccountError, match="already"):
        accounts.create(database, Wanted(name="AIGUL", role="admin"), ADMIN, NOW)


def test_nobody_disables_their_own_account(database, account):
    """The last administrator does not shut everybody out by one click."""
    account("root", "admin")
    with pytest.raises(AccountError):
        accounts.disable(database, "root", ADMIN, NOW)
    for name in ("nobody", "nul\0", ""):
        with pytest.raises(NotFound):
            accounts.unlock(database, name, ADMIN, NOW)


def test_tokens_end_and_have_only_the_rights_of_their_role(database):
    """A year unless told otherwise, two at most; an operator's program cannot be given the policy."""
    with database.owning() as connection:

        def make(**changes) -> str:
            values = {"role": "ministry", "scope": None, "name": "bi", "days": None, "now": NOW}
            return access.create(connection, **(values | changes))

        token = make()
        for wrong in ({"days": 731}, {"role": "auditor", "rights": ("read", "policy")}, {"rights": ("accounts",)}):
            with pytest.raises(AccountError):
                make(**wrong)
    holder = access.holder_of(database, token, NOW)
    assert (holder.name, holder.viewer, holder.rights) == ("bi", MINISTRY, ("read", "export"))
    with pytest.raises(AccessDenied, match="expired"):
        access.holder_of(database, token, NOW + timedelta(days=366))
    with database.admitting() as connection:
        (record,) = tokens.access_list(connection)
    assert record.last_used_at == NOW


@pytest.mark.parametrize(
    "statement", ["update audit_entry set who = 'x'", "delete from audit_entry", "truncate audit_entry"]
)
def test_the_audit_log_cannot_be_changed(database, database_url, statement):
    """Not by the program's roles, which have no such right, and not by the owner, whom a trigger refuses."""
    with database.admitting() as connection:
        audit.note(connection, ADMIN, "saw", "school 1", now=NOW)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.RaiseException, match="only ever"):
        connection.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.admitting() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from school",
        "select * from report",
        "select * from audit_entry",
        "select * from role_secret",
        "update access_token set role = 'admin'",
        "delete from account",
        "create table mine (a integer)",
    ],
)
def test_the_role_that_knows_people_knows_no_school(database, statement):
    """A fault in the login shows no school, and makes nobody an administrator."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.admitting() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement", ["select * from account", "select * from login_session", "select * from recovery_code"]
)
def test_who_reads_schools_reads_no_password(database, statement):
    """The role that answers questions sees no account."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.reading(MINISTRY) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("viewer", "count"),
    [
        (MINISTRY, 1),
        (Viewer("auditor"), 1),
        (Viewer("admin"), 1),
        (Viewer("region", "KZ-75"), 0),
        (Viewer("school", "1"), 0),
        (Viewer("operator", "A"), 0),
    ],
)
def test_the_audit_log_is_for_those_who_watch(database, viewer, count):
    """Row-level security hides it from regions, schools and operators."""
    with database.admitting() as connection:
        audit.note(connection, Who("aigul", "region", "KZ-75", "203.0.113.0/24"), "saw", "school 1", now=NOW)
    with database.reading(viewer) as connection:
        assert audit.count(connection, audit.Wanted()) == count
        assert len(audit.entries(connection, audit.Wanted(), limit=10)) == count


def test_what_happens_to_accounts_is_written_down(database, asking, account):
    """Who made, changed, unlocked and ended an account, who got in and who did not; never what was typed."""
    account()
    with pytest.raises(AccessDenied):
        login.with_password(asking(), "my-password-typed-as-a-name", "wrong")
    accounts.unlock(database, "aigul", ADMIN, NOW)
    accounts.disable(database, "aigul", ADMIN, NOW)
    with database.reading(MINISTRY) as connection:
        found = audit.entries(connection, audit.Wanted(), limit=100)
    told = [
        (one.who, one.what, one.about, one.detail.get("account") or one.detail.get("why")) for one in reversed(found)
    ]
    assert told == [
        ("root", "changed", "account aigul", "created"),
        ("aigul", "changed", "account aigul", "own password"),
        ("aigul", "logged in", None, None),
        ("unknown", "refused", None, "name or password"),
        ("root", "changed", "account aigul", "unlocked"),
        ("root", "changed", "account aigul", "disabled"),
    ]
    assert {one.address for one in found if one.who != "root"} == {"203.0.113.0/24"}


def test_accounts_are_listed_without_secrets(database, account):
    """What lists show has no hash and no key in it."""
    account()
    with database.admitting() as connection:
        (listed,) = stored.accounts(connection)
    assert not {"password_hash", "totp_secret"} & set(listed.__struct_fields__)
    assert (listed.name, listed.local, listed.second_factor, listed.must_change) == ("aigul", True, False, False)
