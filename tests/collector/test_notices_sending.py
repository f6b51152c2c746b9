"""How notices leave: signed, tried again, never to where they must not go; by real servers of loopback."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import ipaddress
import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from agent.contract.errors import SettingsError
from collector.notices import destination, mail, sending, subscribing, webhooks
from collector.notices.errors import NoticeError
from collector.notices.subscribing import Wish
from collector.settings import NoticesSettings, Settings
from collector.store import notices
from collector.store.audit import Who
from collector.store.database import MINISTRY
from tests.fakes.certificates import LOOPBACK as LOOPBACK_NAMES
from tests.fakes.certificates import Authority
from tests.fakes.mail_server import MailServer

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
LOOPBACK = ("127.0.0.0/8",)
SETTINGS = Settings(notices=NoticesSettings(allowed_networks=LOOPBACK))


class Hook(http.server.ThreadingHTTPServer):
    """A webhook that notes what comes in, and answers as a test wants."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.got, self.statuses, self.pause = [], [], threading.Event()
        self.is_slow, self.headers = False, {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook?a=b"


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if self.server.is_slow:
            self.server.pause.wait(30)
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    """A webhook on loopback."""
    made = []

    def make():
        server = Hook()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        made.append(server)
        return server

    yield make
    for server in made:
        server.pause.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def subscribe(database):
    """Subscribe an address, with a message that waits for it."""

    def make(address, *, channel="webhook", settings=SETTINGS, messages=1):
        wish = Wish(name="x", channel=channel, address=address)
        with database.ingesting() as connection:
            made = subscribing.subscribe(connection, wish, MINISTRY, settings.notices, who=Who("a test"), now=NOW)
            ids = [subscribing.test(connection, made.subscriber, who=Who("a test"), now=NOW) for _ in range(messages)]
        return made, ids

    return make


@pytest.fixture
def log(database):
    """The messages, by their ids."""

    def read():
        with database.reading(MINISTRY) as connection:
            found, _ = notices.deliveries(connection, None, None, limit=100, offset=0)
        return {one.id: one for one in found}

    return read


def test_a_webhook_gets_a_signed_message(database, hook, subscribe, log):
    """What Standard Webhooks says: the receiver makes the same signature from id, time and body."""
    server = hook()
    made, (message_id,) = subscribe(server.url)
    assert sending.run(database, SETTINGS, now=NOW) == 1
    ((path, headers, body),) = server.got
    stamp = headers["webhook-timestamp"]
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    signed = f"{message_id}.{stamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert (path, headers["webhook-id"], headers["webhook-signature"]) == ("/hook?a=b", message_id, f"v1,{expected}")
    assert (headers["host"], int(stamp)) == (f"127.0.0.1:{server.server_address[1]}", int(NOW.timestamp()))
    told = json.loads(body)
    assert (told["type"], told["data"]["id"], told["timestamp"]) == ("test", message_id, "2026-11-05T06:00:00Z")
    assert (log()[message_id].state, log()[message_id].outcome) == ("delivered", "answered 204")
    assert sending.run(database, SETTINGS, now=NOW + timedelta(days=9)) == 0


def test_the_signature_is_that_of_the_published_example():
    """The example of the Standard Webhooks libraries' own tests."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    found = webhooks.headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', secret, at)
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_is_tried_for_three_days_and_then_shown_as_dead(database, hook, subscribe, log, caplog):
    """Later and later, with the same id and bytes; what was given up is logged and listed."""
    server = hook()
    server.statuses = [500] * 20
    _, (message_id,) = subscribe(server.url)
    now = NOW
    for tries in range(1, len(sending.PAUSES) + 2):
        assert sending.run(database, SETTINGS, now=now) == 1
        assert sending.run(database, SETTINGS, now=now) == 0
        one = log()[message_id]
        assert (one.tries, one.outcome) == (tries, "answered 500")
        now = one.next_at or now
    assert (one.state, one.next_at) == ("dead", None)
    assert timedelta(days=3) <= now - NOW <= timedelta(days=3.4)
    assert len({(headers["webhook-id"], body) for _, headers, body in server.got}) == 1
    assert "given up after 10 tries: answered 500" in caplog.text


def test_a_server_that_names_a_time_is_waited_for(database, hook, subscribe, log):
    """Retry-After, as far as it makes sense."""
    server = hook()
    server.statuses, server.headers = [503], {"Retry-After": "3600"}
    _, (message_id,) = subscribe(server.url)
    sending.run(database, SETTINGS, now=NOW)
    assert log()[message_id].next_at == NOW + timedelta(hours=1)


def test_redirects_are_not_followed(database, hook, subscribe, log):
    """Where one leads was not checked by anybody."""
    server, other = hook(), hook()
    server.statuses, server.headers = [307], {"Location": other.url}
    _, (message_id,) = subscribe(server.url)
    sending.run(database, SETTINGS, now=NOW)
    assert other.got == []
    assert "redirects are not followed" in log()[message_id].outcome


def test_a_webhook_that_is_gone_gets_nothing_more(database, hook, subscribe, log):
    """410 ends the subscription, and what waits for it."""
    server = hook()
    server.statuses = [410]
    made, ids = subscribe(server.url, messages=3)
    assert sending.run(database, SETTINGS, now=NOW) == 1
    assert sending.run(database, SETTINGS, now=NOW) == 0
    assert [log()[one].state for one in ids] == ["dead"] * 3
    with database.reading(MINISTRY) as connection:
        (ended,) = notices.subscribers(connection, subscriber_id=made.subscriber.id, with_ended=True)
    assert "410" in ended.ended_why


def test_a_slow_subscriber_holds_nobody_up(database, hook, subscribe, log, monkeypatch):
    """All others have their messages while one still keeps us waiting; then it is waited for no more."""
    monkeypatch.setattr(webhooks, "WHOLE_S", 3.0)
    slow, quick = hook(), hook()
    slow.is_slow = True
    _, stuck = subscribe(slow.url, messages=3)
    _, ids = subscribe(quick.url, messages=5)
    running = threading.Thread(target=sending.run, args=(database, SETTINGS), kwargs={"now": NOW})
    running.start()
    until = time.monotonic() + 30
    while len(quick.got) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    assert (len(quick.got), len(slow.got), running.is_alive()) == (5, 1, True)
    running.join(30)
    assert {log()[one].state for one in ids} == {"delivered"}
    assert sorted((log()[one].tries, log()[one].outcome) for one in stuck if log()[one].tries) == [
        (1, "no answer in time")
    ]


def test_a_message_that_is_refused_holds_up_none_behind_it(database, hook, subscribe, log):
    """What was tried least comes first."""
    server = hook()
    server.statuses = [400]
    _, ids = subscribe(server.url, messages=3)
    sending.run(database, SETTINGS, now=NOW)
    sending.run(database, SETTINGS, now=NOW)
    assert sorted(log()[one].state for one in ids) == ["delivered", "delivered", "waiting"]


def test_nothing_leaves_where_that_is_switched_off(database, hook, subscribe):
    """As in a copy of the database."""
    server = hook()
    subscribe(server.url)
    assert sending.run(database, Settings(notices=NoticesSettings(send=False)), now=NOW) == 0
    assert server.got == []


def test_our_own_network_is_refused_unless_the_settings_allow_it(database, hook, subscribe, log):
    """A webhook on loopback, which a stranger could use to reach what only we reach."""
    server = hook()
    _, (message_id,) = subscribe(server.url)
    sending.run(database, Settings(), now=NOW)
    assert server.got == []
    assert "own network" in log()[message_id].outcome


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - not to listen on
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:10.1.2.3",
        "64:ff9b::a01:203",
        "2002:a01:203::1",
    ],
)
def test_addresses_that_nothing_is_sent_to(address):
    """Private, of the link, of everybody, and what translators turn into such."""
    assert not destination.may_send(ipaddress.ip_address(address), ())


def test_addresses_of_the_internet_and_those_that_are_allowed():
    """And nothing but them."""
    allowed = destination.networks(["10.20.0.0/16"])
    assert destination.may_send(ipaddress.ip_address("198.41.0.4"), allowed)
    assert destination.may_send(ipaddress.ip_address("10.20.9.9"), allowed)
    assert not destination.may_send(ipaddress.ip_address("10.21.9.9"), allowed)
    with pytest.raises(SettingsError, match="allowed_networks"):
        destination.networks(["10.20.0.0/8"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example:99999/",
        "https://hooks.example:0/",
        "https://hooks.example/\r\nx: y",
        "https://hooks.example/ x",
        "https://hooks.éxample/",
        "https://[::1",
        "http://198.41.0.4/",
        "https://hooks.example/" + "x" * 2_000,
    ],
)
def test_addresses_of_webhooks_that_are_refused(url):
    """What cannot be sent to, or not safely."""
    with pytest.raises(NoticeError):
        destination.checked(url)


def test_a_name_that_nobody_knows(database, subscribe, log):
    """It is tried again, like any other failure."""
    _, (message_id,) = subscribe("https://hooks.invalid/")
    sending.run(database, SETTINGS, now=NOW)
    assert (log()[message_id].state, "nobody knows" in log()[message_id].outcome) == ("waiting", True)


def test_a_certificate_is_checked_against_the_name(tmp_path, hook):
    """Though the connection goes to an address: the right name is believed, another is not."""
    authority = Authority(tmp_path)
    server = hook()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("DNS:localhost"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    port, trusted = server.server_address[1], ssl.create_default_context(cafile=authority.file)
    allowed = destination.networks(LOOPBACK)

    def post(host):
        return asyncio.run(webhooks.post(f"https://{host}:{port}/", {}, b"{}", allowed, trusted))

    assert post("localhost").is_delivered
    assert "certificate" in post("127.0.0.1").said.lower()
    assert len(server.got) == 1


@pytest.fixture
def mail_server():
    """A mail server on loopback."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def certified(tmp_path, mail_server):
    """Give the mail server a certificate for these names; return the file of the authority that vouches for it."""

    def certify(names=LOOPBACK_NAMES, **changes):
        authority = Authority(tmp_path)
        mail_server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        mail_server.context.load_cert_chain(*authority.issue(names, **changes))
        return authority.file

    return certify


def mail_settings(server, **changed):
    fields = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.server_address[1],
        "smtp_security": "none",
        "mail_from": "netready@edu.example",
    }
    return Settings(notices=NoticesSettings(**fields | changed))


def test_an_email_in_the_clear_to_this_very_computer(database, mail_server, subscribe, log):
    """With an id of its own, so that one that comes twice is known."""
    settings = mail_settings(mail_server)
    made, (message_id,) = subscribe("head@school.example", channel="email", settings=settings)
    assert made.secret is None
    sending.run(database, settings, now=NOW)
    ((is_secret, text),) = mail_server.mails
    assert (is_secret, log()[message_id].state) == (False, "delivered")
    assert "Subject: [netready] Test" in text
    assert f"Message-ID: <{message_id}.{made.subscriber.id}@edu.example>" in text
    assert "Auto-Submitted: auto-generated" in text


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_encrypted_email_with_a_login(tmp_path, mail_server, certified, database, subscribe, log, security):
    """By STARTTLS, or by TLS from the first byte (RFC 8314); the password comes from a file."""
    authority = certified()
    mail_server.is_implicit = security == "tls"
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    login = {"smtp_user": "nr", "smtp_password_file": str(secret)}
    settings = mail_settings(mail_server, smtp_security=security, ca_file=authority, **login)
    _, (message_id,) = subscribe("head@school.example", channel="email", settings=settings)
    sending.run(database, settings, now=NOW)
    assert (log()[message_id].state, log()[message_id].outcome) == ("delivered", "the mail server took it")
    ((is_secret, text),) = mail_server.mails
    assert (is_secret, "Subject: [netready] Test" in text) == (True, True)
    assert mail_server.logins == [b"\0nr\0s3cret"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("names", "days", "is_trusted", "why"),
    [
        (LOOPBACK_NAMES, 2, False, "unable to get local issuer certificate"),
        ("DNS:mail.elsewhere.example", 2, True, "IP address mismatch"),
        (LOOPBACK_NAMES, -1, True, "certificate has expired"),
    ],
)
def test_a_mail_server_with_a_wrong_certificate_gets_nothing(
    mail_server, certified, database, subscribe, log, security, names, days, is_trusted, why
):
    """Nobody's, another's or an old one: no login, no mail, and a sentence that says what is wrong with it."""
    authority = certified(names, days=days)
    mail_server.is_implicit = security == "tls"
    fields = {"smtp_security": security, "ca_file": authority if is_trusted else None}
    settings = mail_settings(mail_server, **fields)
    _, (message_id,) = subscribe("head@school.example", channel="email", settings=settings)
    sending.run(database, settings, now=NOW)
    assert (mail_server.mails, mail_server.logins) == ([], [])
    one = log()[message_id]
    assert one.state == "waiting"
    assert one.outcome.startswith("the mail server 127.0.0.1 shows a certificate that is not believed: ")
    assert why in one.outcome
    assert "notices.ca_file" in one.outcome


def test_a_mail_server_that_speaks_no_tls(mail_server, database, subscribe, log):
    """TLS from the first byte where the server waits for plain words: it is said, and nothing is sent in the clear."""
    settings = mail_settings(mail_server, smtp_security="tls")
    _, (message_id,) = subscribe("head@school.example", channel="email", settings=settings)
    sending.run(database, settings, now=NOW)
    assert (mail_server.mails, log()[message_id].state) == ([], "waiting")
    assert "does not speak TLS from the first byte" in log()[message_id].outcome
    assert "starttls" in log()[message_id].outcome


@pytest.mark.parametrize(("refusal", "state"), [("550 no such mailbox", "dead"), ("451 later", "waiting")])
def test_a_mailbox_that_is_not_there_is_given_up(database, mail_server, subscribe, log, refusal, state):
    """And one that is not there now is tried again."""
    mail_server.refusal = refusal
    settings = mail_settings(mail_server)
    _, (message_id,) = subscribe("head@school.example", channel="email", settings=settings)
    sending.run(database, settings, now=NOW)
    assert (log()[message_id].state, refusal in log()[message_id].outcome) == (state, True)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a b@c.example", "a@b.example\r\nBcc: x@y.example", "<a@b.example>", "a@b.example,c@d.example"],
)
def test_addresses_of_mail_that_are_refused(address):
    """Nothing gets into a mail's headers that is no address."""
    with pytest.raises(NoticeError):
        mail.checked(address)


def test_settings_of_mail_that_are_refused():
    """No password in the clear over a network, no mail without a sender."""
    whole = {"smtp_host": "mail.example", "mail_from": "a@b.example"}
    mail.check_settings(NoticesSettings(**whole))
    for changed in ({"smtp_security": "none"}, {"mail_from": "x"}, {"smtp_user": "x"}, {"smtp_host": None}):
        with pytest.raises(SettingsError):
            mail.check_settings(NoticesSettings(**whole | changed))
