import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from agent.contract.errors import SettingsError
from collector.app import make_app
from collector.people import accounts, oidc
from collector.settings import AccountsSettings, OidcRole, OidcSettings, Settings
from collector.store import accounts as stored
from collector.store import audit
from collector.store.audit import Who
from collector.store.database import MINISTRY
from tests.collector.conftest import serving
from tests.fakes import oidc_provider

AFAR = {"x-forwarded-for": "203.0.113.9"}
BACK = "https://netready.example/login/other/back"
ROLES = (
    OidcRole(value="edu-almaty", role="region", scope="KZ-75"),
    OidcRole(value="edu-ministry", role="ministry"),
    OidcRole(value="edu-school", role="school", scope_claim="school"),
)


@pytest.fixture
def provider():
    """A provider of its own."""
    with oidc_provider.running() as made:
        yield made


@pytest.fixture
def settings(provider, tmp_path):
    """Settings that name the provider."""
    secret = tmp_path / "secret"
    secret.write_text("a secret\n")
    provider.secret = "a secret"
    return OidcSettings(
        issuer=provider.issuer, client_id="netready", client_secret_file=str(secret), roles=ROLES, title="EduLogin"
    )


@pytest.fixture
def client(database, settings, add_school):
    """A browser far away, at a collector that knows the provider; cookies are carried by hand, as they need TLS."""
    add_school("0007")
    own = Settings(
        oidc=settings, accounts=AccountsSettings(public_url="https://netready.example", trusted_proxies=("127.0.0.1",))
    )
    headers = {**AFAR, "accept-language": "en"}
    with (
        serving(make_app(database, own)) as address,
        httpx.Client(base_url=address, headers=headers, timeout=60) as made,
    ):
        yield made


def begin(client, then="/rankings/schools") -> tuple[str, str]:
    """Go to the other login; return its address and the cookie that holds what was agreed."""
    answer = client.get("/login/other", params={"then": then})
    assert answer.status_code == 303
    return answer.headers["location"], answer.headers["set-cookie"].split(";")[0]


def finish(client, sent: dict[str, str], cookie: str) -> httpx.Response:
    """Come back from it."""
    client.cookies.clear()
    return client.get("/login/other/back", params=sent, headers={"cookie": cookie})


def session_in(answer) -> dict[str, str]:
    """Return the header that carries the session on."""
    cookies = answer.headers.get_list("set-cookie")
    return {"cookie": next(one for one in cookies if one.startswith("__Host-netready-session=")).split(";")[0]}


def test_the_country_s_own_login_opens_what_its_role_names(client, provider, database):
    """Code, PKCE, nonce, a signed proof: in as the region's office, back where the way began, and written down."""
    address, cookie = begin(client)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert (asked["redirect_uri"], asked["scope"]) == (BACK, "openid profile")
    answer = finish(client, provider.authorize(address), cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rankings/schools")
    page = client.get("/account", headers=session_in(answer))
    assert "Айгүл Н." in page.text
    assert "region" in page.text
    with database.reading(MINISTRY) as connection:
        (entry,) = audit.entries(connection, audit.Wanted(), limit=10)
    assert (entry.what, entry.role, entry.scope, entry.address) == ("logged in", "region", "KZ-75", "203.0.113.0/24")
    assert client.get("/account/second", headers=session_in(answer)).status_code == 403


@pytest.mark.parametrize(
    ("claims", "role", "scope"),
    [
        ({"groups": "edu-ministry"}, "ministry", None),
        ({"groups": ["x", "edu-ministry", "edu-almaty"]}, "region", "KZ-75"),
        ({"groups": ["edu-school"], "school": "0007"}, "school", "0007"),
    ],
)
def test_roles_are_those_of_the_settings(client, provider, database, claims, role, scope):
    """A claim is one text or a list; the first role that the settings name counts; a scope may stand in a claim."""
    provider.claims |= claims
    address, cookie = begin(client)
    assert finish(client, provider.authorize(address), cookie).status_code == 303
    with database.admitting() as connection:
        (account,) = stored.accounts(connection)
    assert (account.role, account.scope, account.local) == (role, scope, False)


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": []},
        {"groups": None},
        {"groups": ["admin", "ministry"]},
        {"groups": {"edu-ministry": True}},
        {"groups": ["edu-school"]},
        {"groups": ["edu-school"], "school": ["0007", "0008"]},
        {"groups": ["edu-school"], "school": "no such school"},
        {"role": "admin"},
    ],
)
def test_nobody_gets_a_role_that_is_not_named(client, provider, database, claims):
    """Without a value that the settings name, or with an unknown scope, there is no account and no session."""
    provider.claims |= {"groups": None} | claims
    address, cookie = begin(client)
    answer = finish(client, provider.authorize(address), cookie)
    assert answer.status_code == 403
    assert "session" not in str(answer.headers.get_list("set-cookie"))
    with database.admitting() as connection:
        assert stored.accounts(connection) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": int(time.time()) - 3_600},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": 7},
        {"sub": "x" * 300},
        {"iat": int(time.time()) + 36_000},
        {"at_hash": "AAAA"},
    ],
)
def test_a_proof_with_a_wrong_claim_opens_nothing(client, provider, spoilt):
    """Another issuer, another reader, too old, from another login, nobody in particular."""
    provider.spoilt = spoilt
    address, cookie = begin(client)
    answer = finish(client, provider.authorize(address), cookie)
    assert answer.status_code == 403
    assert "session" not in str(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("forged", ["another key", "shared secret", "none"])
def test_a_proof_with_another_signature_opens_nothing(client, provider, forged):
    """Only the issuer's key counts, and only in ways that need its private half."""
    if forged == "another key":
        provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    elif forged == "shared secret":
        provider.signs_with, provider.algorithm = OctKey.import_key("a secret of 32 bytes, or a few more"), "HS256"
    else:
        provider.algorithm = "none"
    address, cookie = begin(client)
    assert finish(client, provider.authorize(address), cookie).status_code == 403


def test_a_key_that_was_changed_is_fetched_again(client, provider):
    """Issuers change keys; nobody has to start the collector anew for that."""
    address, cookie = begin(client)
    assert finish(client, provider.authorize(address), cookie).status_code == 303
    provider.key = provider.signs_with = RSAKey.generate_key(2048, {"kid": "two"})
    address, cookie = begin(client)
    assert finish(client, provider.authorize(address), cookie).status_code == 303


def test_a_login_ends_in_the_browser_where_it_began(client, provider):
    """Another's code, another's state, no cookie, a used code: no session."""
    address, cookie = begin(client)
    other_address, other_cookie = begin(client)
    sent = provider.authorize(address)
    assert finish(client, sent, other_cookie).status_code == 403
    assert finish(client, sent, "").status_code == 303  # to the login
    assert finish(client, {"error": "access_denied", "state": sent["state"]}, cookie).status_code == 403
    mixed = provider.authorize(other_address) | {"state": sent["state"]}
    assert finish(client, mixed, cookie).status_code in (403, 502)
    assert finish(client, sent | {"iss": "https://evil.example"}, cookie).status_code == 403
    assert finish(client, sent, cookie).status_code == 303
    assert finish(client, sent, cookie).status_code in (403, 502)


@pytest.mark.parametrize("cookie", ["", "x", "!!!", "e30=", "x" * 5_000])
def test_a_spoilt_cookie_begins_again(client, cookie):
    """Whatever a browser brings back, the answer is the login."""
    answer = finish(client, {"code": "a", "state": "b"}, f"__Host-netready-hop={cookie}")
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": 7},
        {"more": "x" * 2_000_000},
    ],
)
def test_a_provider_that_is_another_is_not_asked(client, provider, metadata):
    """It has to say that it is the one the settings name, over TLS, in a document of sane size."""
    provider.metadata = metadata
    assert client.get("/login/other").status_code == 502


def test_an_account_taken_out_of_use_here_stays_out(client, provider, database):
    """The other login vouches for who it is, not for whether they may come in."""
    address, cookie = begin(client)
    answer = finish(client, provider.authorize(address), cookie)
    with database.admitting() as connection:
        (account,) = stored.accounts(connection)
    accounts.disable(database, account.name, Who("a test"), datetime.now(UTC))
    assert client.get("/account", headers=session_in(answer)).status_code == 303
    address, cookie = begin(client)
    assert finish(client, provider.authorize(address), cookie).status_code == 403


def test_a_role_that_was_taken_away_is_gone_with_the_next_login(client, provider, database):
    """The account is the same person's, with what the claim says now."""
    for groups in (["edu-ministry"], ["edu-almaty"]):
        provider.claims["groups"] = groups
        address, cookie = begin(client)
        finish(client, provider.authorize(address), cookie)
    with database.admitting() as connection:
        (account,) = stored.accounts(connection)
    assert (account.role, account.scope) == ("region", "KZ-75")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.example"},
        {"issuer": "login.example"},
        {"client_id": None},
        {"client_secret_file": "/nonexistent/secret"},
        {"roles": (OidcRole(value="x", role="region"),)},
        {"roles": (OidcRole(value="x", role="admin", scope="KZ-75"),)},
        {"roles": (OidcRole(value="x", role="school", scope="1", scope_claim="school"),)},
    ],
)
def test_settings_that_cannot_work_are_named(changes):
    """An issuer without TLS, a role without its scope: the start stops and says which key."""
    values = {"issuer": "https://login.example", "client_id": "netready"} | changes
    with pytest.raises(SettingsError, match=r"\[oidc\]"):
        oidc.Provider(OidcSettings(**values))
