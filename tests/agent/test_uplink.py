import email.utils
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract import report, signing, wire
from agent.errors import EnrollmentError, PausedError, RevokedError, UplinkError
from agent.exchange import MAX_REPLY_BYTES, RETRY_AFTER_S, printable
from agent.outbox import Outbox
from agent.settings import Settings
from agent.settings import Uplink as UplinkSettings
from agent.uplink import BACKOFF_S, Uplink
from tests.agent.conftest import SCHOOL, agent_of, report_maker
from tests.fakes.collector import FakeCollector, Scripted

SETTINGS = Settings(uplink=UplinkSettings(batch_reports=4, timeout_s=5.0))


@pytest.fixture
def now() -> list[float]:
    """A clock that stands until it is moved."""
    return [1_800_000_000.0]


@pytest.fixture
def uplink(now) -> Uplink:
    """An uplink with that clock and no luck."""
    return Uplink(SETTINGS, clock=lambda: now[0], chance=lambda: 1.0)


@pytest.fixture
def known(collector: FakeCollector, key: SigningKey) -> FakeCollector:
    """A collector that knows the key."""
    collector.keys[agent_of(key)] = (bytes(key.verify_key), SCHOOL.id)
    return collector


def fill(outbox: Outbox, collector: FakeCollector, key: SigningKey, count: int) -> None:
    """Put reports into the outbox."""
    for _ in range(count):
        outbox.append(agent_of(key), collector.url, report_maker(key))


def request_for(key: SigningKey, token: str = "token", *, preview: bool = False) -> wire.EnrollRequest:
    """Return an enrolment request."""
    return wire.EnrollRequest(token=token, public_key=bytes(key.verify_key), software="test", preview=preview)


def test_everything_is_sent_in_batches_and_in_order(uplink, outbox, known, key):
    """All reports arrive as they were signed, oldest first, in batches of the settings' size."""
    fill(outbox, known, key, 10)
    waiting = outbox.oldest(known.url, 99)
    drained = uplink.drain(outbox)
    assert (drained.sent, drained.refused) == (10, 0)
    assert known.batches == [4, 4, 2]
    assert known.sequences(agent_of(key)) == list(range(1, 11))
    for one in waiting:
        payload = msgspec.json.decode(one.envelope, type=signing.Envelope).payload
        assert known.stored[agent_of(key), one.sequence] == payload
    assert outbox.contents().reports == 0


def test_what_the_collector_has_already_is_forgotten(uplink, outbox, known, key):
    """A reply that was lost costs nothing: sent again, answered "duplicate", forgotten."""
    fill(outbox, known, key, 2)
    waiting = outbox.oldest(known.url, 9)
    for one in waiting:
        known.stored[agent_of(key), one.sequence] = msgspec.json.decode(one.envelope, type=signing.Envelope).payload
    assert uplink.drain(outbox).sent == 2
    assert outbox.contents().reports == 0


def test_a_refused_report_is_kept_aside_and_the_others_go_on(uplink, outbox, known, key):
    """One bad report must not block the road."""
    fill(outbox, known, key, 5)
    known.refuse[2] = "a NUL\x00 and \x1b[31mcolour"
    drained = uplink.drain(outbox)
    assert (drained.sent, drained.refused) == (4, 1)
    refused = outbox.refusals()[0]
    assert (refused.sequence, refused.reason, refused.detail) == (2, "malformed", "a NUL and [31mcolour")


def test_a_revoked_agent_stops_and_keeps_its_reports(uplink, outbox, known, key):
    """Revoked: nothing more is sent, nothing is lost, the sentence says what to do."""
    fill(outbox, known, key, 6)
    known.revoked.add(agent_of(key))
    with pytest.raises(RevokedError, match=r"taken out of service.*enrol it again"):
        uplink.drain(outbox)
    assert known.batches == [4]
    assert uplink.drain(outbox).sent == 0
    assert known.batches == [4]
    assert outbox.contents().reports == 6
    assert outbox.revoked(agent_of(key)) == "taken out of service"


def test_one_revoked_identity_does_not_hold_up_another(uplink, outbox, known, key):
    """After a change of school the old identity may be revoked; the new one's reports go on."""
    old = SigningKey.generate()
    known.keys[agent_of(old)] = (bytes(old.verify_key), "0099")
    known.revoked.add(agent_of(old))
    fill(outbox, known, old, 5)
    fill(outbox, known, key, 3)
    with pytest.raises(RevokedError):
        uplink.drain(outbox)
    assert known.sequences(agent_of(key)) == [1, 2, 3]


def test_gone_means_revoked(uplink, outbox, known, key):
    """HTTP 410 for the whole request is the same as revoked for each report."""
    fill(outbox, known, key, 1)
    known.answers.append(Scripted(status=410, body=b'{"title": "no", "status": 410, "detail": "sold"}'))
    with pytest.raises(RevokedError):
        uplink.drain(outbox)
    assert outbox.revoked(agent_of(key)) == "sold"


@pytest.mark.parametrize("status", [410, 413])
def test_only_the_collectors_own_word_has_consequences(uplink, outbox, known, key, status):
    """A bare 410 or 413 is some web server's or proxy's: no report is given up for it, and nobody is revoked."""
    fill(outbox, known, key, 1)
    known.answers.append(Scripted(status=status, body=b"<html>no</html>"))
    with pytest.raises(UplinkError, match=str(status)):
        uplink.drain(outbox)
    assert outbox.revoked(agent_of(key)) is None
    assert uplink.drain(outbox, whatever_pause=True).sent == 1


def test_too_large_batches_are_made_smaller(uplink, outbox, known, key):
    """413: half as many at once, until they fit; nothing is lost."""
    fill(outbox, known, key, 8)
    known.max_body = 2000
    assert uplink.drain(outbox).sent == 8
    assert max(known.batches) < 4


def test_a_single_report_that_is_too_large_is_kept_aside(uplink, outbox, known, key):
    """A report that no collector will take must not block the road for ever."""
    fill(outbox, known, key, 3)
    known.max_body = 10
    assert uplink.drain(outbox).refused == 3
    assert outbox.refusals()[0].reason == "too_large"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Scripted(body=b"<html>Log in</html>"), "not a netready collector's answer"),
        (Scripted(body=b""), "not a netready collector's answer"),
        (Scripted(body=b"[" * 5000), "not a netready collector's answer"),
        (Scripted(body=b'{"items": "\xff"}'), "not a netready collector's answer"),
        (Scripted(receipts=[{"answer": "eaten"}]), "not a netready collector's answer"),
        (Scripted(receipts=[]), "answered for other reports"),
        (Scripted(receipts=[{"answer": "stored"}] * 3), "answered for other reports"),
        (Scripted(receipts=[{"answer": "stored"}] * 2), "answered for other reports"),
        (Scripted(receipts=[{"answer": "stored", "sha256": "0" * 64}] * 2), "answered for other reports"),
        (Scripted(body=b" " * (MAX_REPLY_BYTES + 1)), "answers too much"),
        (
            Scripted(headers={"Content-Length": "999"}, body=b"{}", hang_up=False),
            "cannot be reached|did not answer|HTTP",
        ),
        (Scripted(hang_up=True), "does not speak HTTP"),
        (Scripted(status=302, headers={"Location": "http://login.example/"}), "sends us to http://login.example/"),
        (Scripted(status=400, body=b'{"title": "no", "status": 400, "detail": "bad"}'), r"HTTP 400: bad"),
        (Scripted(status=401), "enrol it again"),
        (Scripted(status=403), "does not let this computer in"),
        (Scripted(status=404), "check the address"),
        (Scripted(status=418), "418"),
        (Scripted(status=500, body=b'{"title": "oops", "status": "x"}'), "HTTP 500: Internal Server Error"),
        (Scripted(status=503), "come back later"),
    ],
)
def test_every_other_answer_is_a_sentence_and_the_reports_stay(outbox, known, key, answer, words):
    """Whatever comes back that is no proper answer: one sentence, and nothing leaves the outbox."""
    uplink = Uplink(Settings(uplink=UplinkSettings(timeout_s=1.0)))
    fill(outbox, known, key, 2)
    known.answers.append(answer)
    with pytest.raises(UplinkError, match=words):
        uplink.drain(outbox)
    assert outbox.contents().reports == 2
    assert uplink.drain(outbox, whatever_pause=True).sent == 2


def test_no_network_is_a_sentence(uplink, outbox, key, closed_port):
    """Where nobody listens the reports stay and the sentence says so."""
    outbox.append(agent_of(key), f"http://127.0.0.1:{closed_port}", report_maker(key))
    with pytest.raises(UplinkError, match=r"cannot be reached.*is this computer online"):
        uplink.drain(outbox)
    assert outbox.contents().reports == 1


def test_a_collector_on_a_public_address_needs_tls(uplink, outbox, key):
    """Reports never travel in the open over the internet."""
    outbox.append(agent_of(key), "http://198.51.100.1.nip.invalid", report_maker(key))
    outbox.append(agent_of(key), "http://8.8.8.8", report_maker(key))
    with pytest.raises(UplinkError, match="use https"):
        uplink.drain(outbox)


def test_a_failure_asks_for_patience_that_outlives_a_restart(outbox, known, key, now, uplink):
    """After a failure nothing is tried until the pause is over, not even by a new process; then it grows."""
    fill(outbox, known, key, 1)
    pauses = []
    for _ in range(12):
        known.answers.append(Scripted(status=500))
        with pytest.raises(UplinkError, match="HTTP 500"):
            uplink.drain(outbox)
        pauses.append(uplink.pause(outbox, known.url).not_before - now[0])
        asked = len(known.requests)
        restarted = Uplink(SETTINGS, clock=lambda: now[0])
        with pytest.raises(PausedError, match="HTTP 500"):
            restarted.drain(outbox)
        assert len(known.requests) == asked
        now[0] += pauses[-1]
    assert pauses[:3] == [BACKOFF_S[0], 2 * BACKOFF_S[0], 4 * BACKOFF_S[0]]
    assert max(pauses) == BACKOFF_S[1]
    assert uplink.drain(outbox).sent == 1
    assert uplink.pause(outbox, known.url).failures == 0


def test_the_pause_is_jittered(outbox, known, key, now):
    """Computers that failed together do not come back together."""
    seen = set()
    for chance in (0.0, 0.5, 1.0):
        uplink = Uplink(SETTINGS, clock=lambda: now[0], chance=lambda value=chance: value)
        fill(outbox, known, key, 1)
        outbox.write_note(f"pause {known.url}", "{}")
        known.answers.append(Scripted(status=500))
        with pytest.raises(UplinkError):
            uplink.drain(outbox)
        seen.add(uplink.pause(outbox, known.url).not_before - now[0])
    assert seen == {15.0, 22.5, 30.0}


def test_a_pause_from_a_clock_that_was_wrong_is_not_kept(outbox, known, key, now, uplink):
    """A pause that lies further ahead than any pause may is from a wrong clock; it does not silence us for years."""
    fill(outbox, known, key, 1)
    outbox.write_note(f"pause {known.url}", msgspec.json.encode({"not_before": now[0] + 10**9}).decode())
    assert uplink.drain(outbox).sent == 1


@pytest.mark.parametrize(
    ("headers", "at_least", "at_most"),
    [
        ({"Retry-After": "120"}, 120, 150),
        ({"Retry-After": "0"}, RETRY_AFTER_S[0], 2),
        ({"Retry-After": "99999999999999999"}, RETRY_AFTER_S[1], RETRY_AFTER_S[1] * 1.25),
        ({"Retry-After": "soon"}, BACKOFF_S[0] / 2, BACKOFF_S[0]),
        ({"Retry-After": "Wed, 99 Foo 2099"}, BACKOFF_S[0] / 2, BACKOFF_S[0]),
        ({"Retry-After": "-5"}, BACKOFF_S[0] / 2, BACKOFF_S[0]),
        ({}, BACKOFF_S[0] / 2, BACKOFF_S[0]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured_within_bounds(
    outbox, known, key, now, uplink, status, headers, at_least, at_most
):
    """The collector's word counts, but neither nonsense nor a year of silence."""
    fill(outbox, known, key, 1)
    known.answers.append(Scripted(status=status, headers=headers))
    with pytest.raises(UplinkError, match="come back later"):
        uplink.drain(outbox)
    assert at_least <= uplink.pause(outbox, known.url).not_before - now[0] <= at_most


def test_retry_after_as_a_date_is_honoured(outbox, known, key, now, uplink):
    """A date is as good as seconds (RFC 9110 10.2.3), read by the collector's own clock."""
    fill(outbox, known, key, 1)
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=600))
    known.answers.append(Scripted(status=503, headers={"Retry-After": date}))
    with pytest.raises(UplinkError):
        uplink.drain(outbox)
    assert 590 <= uplink.pause(outbox, known.url).not_before - now[0] <= 760


def test_a_deadline_ends_the_sending(uplink, outbox, known, key):
    """Sending can be given a time limit; what is left stays."""
    fill(outbox, known, key, 6)
    with pytest.raises(UplinkError, match="too slow"):
        uplink.drain(outbox, deadline_s=-1)
    assert outbox.contents().reports == 6
    assert uplink.pause(outbox, known.url).failures == 0  # a long backlog is no failure of the collector's
    assert uplink.drain(outbox).sent == 6


def test_a_long_retry_after_is_kept_to_its_end(uplink, outbox, known, key, now):
    """The longest pause with its jitter is a pause, not a clock gone wrong."""
    fill(outbox, known, key, 1)
    known.answers.append(Scripted(status=503, headers={"Retry-After": "999999"}))
    with pytest.raises(UplinkError):
        uplink.drain(outbox)
    with pytest.raises(PausedError):
        uplink.drain(outbox)


def test_trouble_with_one_collector_does_not_hold_up_another(uplink, outbox, known, key, closed_port):
    """After a move to another collector both are served, each by itself."""
    old = SigningKey.generate()
    outbox.append(agent_of(old), f"http://127.0.0.1:{closed_port}", report_maker(old))
    fill(outbox, known, key, 2)
    with pytest.raises(UplinkError, match="cannot be reached"):
        uplink.drain(outbox)
    assert known.sequences(agent_of(key)) == [1, 2]


def test_enrolment_and_preview(uplink, collector, key):
    """A preview tells the school and binds nothing; the enrolment binds the key."""
    reply = uplink.enroll(collector.url, request_for(key, preview=True), key)
    assert reply.school == SCHOOL
    assert collector.keys == {}
    assert uplink.enroll(collector.url + "/", request_for(key), key).agent == agent_of(key)
    assert agent_of(key) in collector.keys


def test_a_clear_no_to_an_enrolment_is_told_in_the_collectors_words(uplink, collector, key):
    """The person sees why: expired, used up, unknown."""
    with pytest.raises(EnrollmentError, match="this token is not known here"):
        uplink.enroll(collector.url, request_for(key, token="wrong"), key)


@pytest.mark.parametrize(
    "answer",
    [Scripted(status=500), Scripted(status=404), Scripted(status=403), Scripted(body=b"{}"), Scripted(hang_up=True)],
)
def test_no_answer_to_an_enrolment_may_be_asked_again(uplink, collector, key, answer):
    """What is no clear no is trouble on the way: the same key may ask again."""
    collector.answers.append(answer)
    with pytest.raises(UplinkError):
        uplink.enroll(collector.url, request_for(key), key)


def test_a_reply_for_another_computer_is_refused(uplink, collector, key):
    """An agent id that is not our key's hash is nonsense."""
    reply = wire.EnrollReply(agent="0" * 32, school=SCHOOL, policy=wire.Policy())
    collector.answers.append(Scripted(body=msgspec.json.encode(reply)))
    with pytest.raises(UplinkError, match="another computer"):
        uplink.enroll(collector.url, request_for(key), key)


def test_the_policy_is_fetched_with_a_signature(station, collector):
    """Only the agent itself gets its policy."""
    collector.policy = wire.Policy(version=7)
    fetched = station.uplink.fetch_policy(station.enrolled)
    assert (fetched.policy, fetched.tag) == (wire.Policy(version=7), '"7"')
    assert station.uplink.fetch_policy(station.enrolled, fetched.tag).policy is None


def test_text_from_outside_is_made_safe():
    """No escape sequence, line break or novel reaches the terminal."""
    assert printable("a\x1b[31m\nb\u202ec") == "a [31m b c"
    assert len(printable("x" * 10_000)) == 300


def test_a_batch_never_exceeds_the_collectors_bound(known, key, outbox):
    """Many large reports travel in requests that the collector accepts."""
    uplink = Uplink(Settings(uplink=UplinkSettings(batch_reports=50)))
    for _ in range(30):
        outbox.append(agent_of(key), known.url, lambda place: signing.sign(report.PAYLOAD_TYPE, large(key, place), key))
    assert uplink.drain(outbox).sent == 30
    assert len(known.batches) > 1


def large(key: SigningKey, place) -> bytes:
    """Return a payload near the largest that is allowed."""
    plain = msgspec.json.decode(report_maker(key)(place).payload)
    plain["padding"] = "x" * (report.MAX_PAYLOAD_BYTES - 2000)
    return msgspec.json.encode(plain)
