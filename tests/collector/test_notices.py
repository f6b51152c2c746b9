"""What people are told of: each change once, to whom it concerns and nobody else, and never because facts came late."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from collector import maintenance
from collector.agreements.disputes import times, working_days
from collector.notices import changes, looking, subscribing, texts
from collector.notices.changes import Rules
from collector.notices.errors import NoticeError
from collector.notices.subscribing import Wish
from collector.settings import NoticesSettings, PolicySettings, Settings, StoreSettings
from collector.store import agreements, notices
from collector.store.audit import Who
from collector.store.database import MINISTRY, Viewer
from collector.store.notices import Closed, Told, Wanted
from collector.verdicts.disputes import Disputed, Step, opened

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()
VERDICT = """
insert into verdict (
    school_id, line, month, operator, version, region_id, synthetic, state, is_recurring, judged_at, body, sha256, facts
)
values (
    %(school)s, '1', %(month)s, %(operator)s, %(version)s, %(region)s, %(synthetic)s, %(state)s, false, %(at)s, '', 'x',
    ''
)
"""
FLEET = """
insert into school_fleet (
    school_id, region_id, state, days, computers, live, at_risk, silent, never_reported, restored, copied, delayed,
    versions, synthetic
)
values (%(school)s, 'KZ-75', %(state)s, %(days)s, 1, 0, 0, 1, 0, 0, 0, 0, '{}', false)
on conflict (school_id) do update set state = excluded.state, days = excluded.days
"""
CLOSE = """
insert into verdict_month (month, begun_at, closed_at) values (%(month)s, %(at)s, %(at)s)
on conflict (month) do nothing
"""


class Line:
    """One line's months, judged as a test wants; each look is an hour after the one before."""

    def __init__(self, database):
        self.database = database
        self.now = NOW
        self.look()

    def judge(self, month, state, version=1, **changed):
        self.now += timedelta(minutes=1)
        values = {
            "school": "0101",
            "month": month,
            "operator": "Alpha",
            "version": version,
            "region": "KZ-75",
            "synthetic": False,
            "state": state,
            "at": self.now,
        }
        with self.database.owning() as connection:
            connection.execute(CLOSE, {"month": month, "at": self.now})
            connection.execute(VERDICT, values | changed)

    def look(self, settings=SETTINGS):
        self.now += HOUR
        looking.run(self.database, settings, now=self.now)

    def told(self, viewer=MINISTRY):
        with self.database.reading(viewer) as connection:
            found, _ = notices.events(connection, Wanted(), limit=100)
        return [(one.kind, one.month, one.number, one.is_late) for one in reversed(found)]

    def fleet(self, state, days):
        with self.database.owning() as connection:
            connection.execute(FLEET, {"school": "0101", "state": state, "days": days})

    def subscribe(self, role="ministry", scope=None, kinds=(), address="https://hooks.example/"):
        wish = Wish(name=f"{role} {scope}", channel="webhook", address=address, kinds=kinds)
        with self.database.ingesting() as connection:
            made = subscribing.subscribe(
                connection, wish, Viewer(role, scope), SETTINGS.notices, who=Who("a test"), now=self.now
            )
        return made.subscriber

    def messages(self, viewer=MINISTRY):
        with self.database.reading(viewer) as connection:
            return notices.deliveries(connection, None, None, limit=100, offset=0)[0]


@pytest.fixture
def line(database, add_school):
    """A line of Alpha's; what was before is not looked at."""
    add_school("0101", name="Lyceum", operator="Alpha")
    return Line(database)


def test_a_breach_from_its_opening_to_its_end(line):
    """Opened, continuing, recovered: each once, however often one looks."""
    for month, state in (("2026-08", "compliant"), ("2026-09", "breach"), ("2026-10", "breach"), ("2026-11", "watch")):
        line.judge(month, state)
        line.look()
        line.look()
    line.judge("2026-12", "compliant")
    line.look()
    line.judge("2027-01", "compliant")
    line.look()
    assert line.told() == [
        ("breach.opened", "2026-09", 1, False),
        ("breach.continuing", "2026-10", 1, False),
        ("breach.ended", "2026-12", 1, False),
    ]


def test_late_data_never_alarms(line):
    """A breach that comes to light in a month before the newest closed one is listed and sent to nobody."""
    one = line.subscribe()
    line.judge("2026-09", "compliant")
    line.judge("2026-10", "compliant")
    line.look()
    line.judge("2026-09", "breach", version=2)
    line.look()
    line.judge("2026-09", "compliant", version=3)
    line.look()
    assert line.told() == [("breach.opened", "2026-09", 2, True), ("breach.withdrawn", "2026-09", 3, True)]
    assert line.messages() == []
    line.judge("2026-11", "breach")
    line.look()
    assert line.told()[-1] == ("breach.opened", "2026-11", 1, False)
    assert [(each.subscriber, each.kind, each.state) for each in line.messages()] == [
        (one.id, "breach.opened", "waiting")
    ]


def test_a_breach_that_is_none_any_more_is_taken_back(line):
    """Whoever heard of it hears that, even months later; what changed twice between two looks is told as it is now."""
    line.judge("2026-09", "breach")
    line.look()
    line.judge("2026-10", "watch")
    line.look()
    line.judge("2026-09", "insufficient", version=2)
    line.judge("2026-10", "breach", version=2)
    line.judge("2026-10", "watch", version=3)
    line.look()
    assert line.told() == [("breach.opened", "2026-09", 1, False), ("breach.withdrawn", "2026-09", 2, False)]
    line.judge("2026-11", "breach")
    line.look()
    assert line.told()[-1] == ("breach.opened", "2026-11", 1, False)


def test_what_was_before_the_first_look_is_not_told(database, add_school):
    """Who sets notices up is not told of the past."""
    add_school("0101", operator="Alpha")
    line = Line.__new__(Line)
    line.database, line.now = database, NOW
    line.judge("2026-09", "breach")
    for _ in range(3):
        line.look()
    assert line.told() == []


def test_preliminary_and_synthetic_verdicts_are_not_told(line):
    """Nobody is alarmed by a month that is not over, nor by schools that do not exist, unless that is asked for."""
    line.judge("2026-10", "breach", version=0)
    line.judge("2026-10", "breach", operator="Beta", synthetic=True)
    line.look()
    assert line.told() == []
    line.look(Settings(notices=NoticesSettings(synthetic=True)))
    assert line.told() == [("breach.opened", "2026-10", 1, False)]
    with line.database.reading(MINISTRY) as connection:
        (event,), _ = notices.events(connection, Wanted(), limit=9)
    assert texts.words_of(event).title.startswith("SYNTHETIC: ")


def a_month(month, state, version=1):
    return Closed(
        school="0101",
        line="1",
        operator="Alpha",
        month=month,
        version=version,
        state=state,
        region="KZ-75",
        synthetic=False,
        judged_at=NOW,
        chance=None,
        is_recurring=False,
        sha256="",
    )


@pytest.mark.parametrize(
    ("states", "kinds"),
    [
        (("breach", "compliant", "breach"), [("2026-03", "breach.opened")]),
        (("breach", "breach", "breach"), [("2026-03", "breach.opened")]),
        (("compliant", "compliant", "breach"), []),
        (("breach", "compliant", "compliant"), []),
    ],
)
def test_m_of_n_months_before_the_first_notice(states, kinds):
    """Where two of three months are asked for, one alone is not told."""
    months = [a_month(f"2026-0{number}", state) for number, state in enumerate(states, start=1)]
    rules = Rules(since=NOW - DAY, newest="2026-03", breach_months=2, of_months=3)
    found = [one for one in changes.of_line(months, {}, rules, NOW) if not one.is_late]
    assert [(one.month, one.kind) for one in found] == kinds


def test_a_breach_goes_on_whatever_the_threshold():
    """M of N is for the first notice; after it every month of breach is told."""
    told = Told(school="0101", line="1", operator="Alpha", month="2026-01", kind="breach.opened", is_late=False)
    rules = Rules(since=NOW - DAY, newest="2026-03", breach_months=3, of_months=3)
    (found,) = changes.of_line([a_month("2026-03", "breach")], {"2026-01": told}, rules, NOW)
    assert found.kind == "breach.continuing"


def test_a_school_falls_silent_and_is_heard_again(line):
    """Each time once; two missed days are no silence."""
    for state, days in (("at_risk", 2), ("silent", 4), ("silent", 5), ("silent", 6), ("live", 0), ("silent", 5)):
        line.fleet(state, days)
        line.look()
    assert [(kind, number) for kind, _, number, _ in line.told()] == [
        ("school.silent", 1),
        ("school.heard", 1),
        ("school.silent", 2),
    ]
    assert line.told(Viewer("operator", "Alpha")) == []
    assert len(line.told(Viewer("school", "0101"))) == 3


@pytest.fixture
def dispute(line):
    """A dispute that was opened just now."""
    about = Disputed(school="0101", line="1", month="2026-10", version=1, operator="Alpha")
    days = working_days(PolicySettings())
    step = opened(about, "no", line.now, at=line.now + HOUR, author="A", days=days, times=times())
    with line.database.owning() as connection:
        agreements.keep_step(connection, step, "KZ-75")
    return step


def test_a_dispute_and_its_deadlines(line, dispute):
    """Opened, deadlines near, missed, decided: both sides hear each once."""
    line.look()
    for day in (dispute.evidence_until, dispute.decide_until, dispute.decide_until + 3 * DAY):
        line.now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        line.look()
        line.look()
    decided = msgspec.structs.replace(dispute, number=2, action="decided", outcome="upheld", at=line.now, text="so")
    with line.database.owning() as connection:
        agreements.keep_step(connection, decided, "KZ-75")
    line.look()
    line.look()
    kinds = ["dispute.opened", "dispute.due", "dispute.due", "dispute.overdue", "dispute.decided"]
    for viewer in (MINISTRY, Viewer("operator", "Alpha"), Viewer("school", "0101"), Viewer("region", "KZ-75")):
        assert [kind for kind, *_ in line.told(viewer)] == kinds
    assert line.told(Viewer("operator", "Beta")) == line.told(Viewer("region", "KZ-71")) == []
    assert isinstance(dispute, Step)


def retained(line):
    """Let everything that is older than two months go, as the reports do."""
    maintenance.maintain(line.database, StoreSettings(keep_months=2, drop_old=True), line.now)


def test_a_recovery_is_told_after_the_breach_was_forgotten(line):
    """Months in which a line could not be judged do not hide that it keeps its contract again."""
    line.judge("2026-10", "breach")
    line.look()
    for month in ("2026-11", "2026-12", "2027-01", "2027-02"):
        line.judge(month, "insufficient")
        line.look()
    line.now = datetime(2027, 4, 2, tzinfo=UTC)
    retained(line)
    line.judge("2027-03", "compliant")
    line.look()
    assert [kind for kind, *_ in line.told()] == ["breach.opened", "breach.ended"]
    line.now = datetime(2027, 8, 2, tzinfo=UTC)
    retained(line)
    line.judge("2027-07", "compliant")
    line.look()
    assert [kind for kind, *_ in line.told()] == ["breach.ended"]


def test_a_breach_that_was_withdrawn_is_forgotten(line):
    """Nobody is told of an end where nobody believes in a breach any more."""
    line.judge("2026-10", "breach")
    line.look()
    line.judge("2026-10", "watch", version=2)
    line.look()
    line.now = datetime(2027, 4, 2, tzinfo=UTC)
    retained(line)
    line.judge("2027-03", "compliant")
    line.look()
    assert line.told() == []


def test_a_missed_deadline_is_told_once_however_long_ago(line, dispute):
    """Until the dispute is decided what was told of its deadlines is not forgotten, and so not told again."""
    line.look()
    day = dispute.decide_until + 3 * DAY
    line.now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    line.look()
    line.now += 150 * DAY
    retained(line)
    line.look()
    assert [kind for kind, *_ in line.told()] == ["dispute.overdue"]
    decided = msgspec.structs.replace(dispute, number=2, action="decided", outcome="upheld", at=line.now, text="so")
    with line.database.owning() as connection:
        agreements.keep_step(connection, decided, "KZ-75")
    line.look()
    line.now += 150 * DAY
    line.look()
    retained(line)
    line.look()
    assert line.told() == []


def test_everybody_is_told_what_concerns_them(line, add_school):
    """An operator never hears of another's breach: in no list, in no message, in no log of messages."""
    add_school("0202", operator="Beta", region_id="KZ-71")
    views = [
        ("ministry", None, 3),
        ("operator", "Alpha", 1),
        ("operator", "Beta", 1),
        ("region", "KZ-75", 2),
        ("region", "KZ-71", 1),
        ("school", "0101", 2),
        ("school", "0202", 1),
    ]
    made = {(role, scope): line.subscribe(role, scope) for role, scope, _ in views}
    line.judge("2026-10", "breach")
    line.judge("2026-10", "breach", school="0202", operator="Beta", region="KZ-71")
    line.fleet("silent", 9)
    line.look()
    sent = line.messages()
    for role, scope, count in views:
        own = [one for one in sent if one.subscriber == made[role, scope].id]
        assert len(own) == count, (role, scope)
        assert len(line.told(Viewer(role, scope))) == count
        if role != "ministry":
            assert {one.id for one in line.messages(Viewer(role, scope))} == {one.id for one in own}
            with line.database.reading(Viewer(role, scope)) as connection:
                assert [one.id for one in notices.subscribers(connection)] == [made[role, scope].id]
    for operator, other in (("Alpha", "Beta"), ("Beta", "Alpha")):
        bodies = bodies_of(line.database, made["operator", operator].id)
        assert bodies
        assert other.encode() not in b"".join(bodies)


def test_a_name_that_an_operator_does_not_see_is_not_in_its_message(line, add_school):
    """A school that is another operator's by now is named by its id, as everywhere."""
    one = line.subscribe("operator", "Alpha")
    line.judge("2026-10", "breach")
    add_school("0101", name="Secret Lyceum", operator="Beta")
    line.look()
    (body,) = bodies_of(line.database, one.id)
    assert b"Secret" not in body
    assert msgspec.json.decode(body)["data"]["name"] is None


def bodies_of(database, subscriber):
    with database.owning() as connection:
        rows = connection.execute("select body from notice_delivery where subscriber_id = %s", (subscriber,)).fetchall()
    return [bytes(row[0]) for row in rows]


def test_nothing_that_happened_before_one_subscribed(line):
    """And of the kinds that were asked for only."""
    line.judge("2026-10", "breach")
    line.look()
    line.now += HOUR
    line.subscribe()
    picky = line.subscribe("region", "KZ-75", kinds=("school.silent",))
    line.judge("2026-11", "breach")
    line.fleet("silent", 9)
    line.look()
    assert sorted(one.kind for one in line.messages()) == ["breach.continuing", "school.silent", "school.silent"]
    assert [one.kind for one in line.messages() if one.subscriber == picky.id] == ["school.silent"]


def test_a_subscription_that_cannot_be(line):
    """The same address twice, more than there may be, an email without a mail server."""
    one = line.subscribe()
    with pytest.raises(NoticeError, match=one.id):
        line.subscribe()
    for number in range(SETTINGS.notices.subscribers_each - 1):
        line.subscribe(address=f"https://hooks.example/{number}")
    with pytest.raises(NoticeError, match="20 subscriptions"):
        line.subscribe(address="https://hooks.example/more")
    line.subscribe("region", "KZ-75")


def test_no_role_of_the_program_reads_a_secret(database):
    """What webhooks' messages are signed with only the owner's job knows."""
    for opened_as in (lambda: database.reading(MINISTRY), database.ingesting, database.admitting):
        with opened_as() as connection:
            asked = "select has_column_privilege('notice_subscriber', 'secret', 'select')"
            assert connection.execute(asked).fetchone() == (False,)


def test_every_kind_has_its_words():
    """Titles and sentences, with nothing left to fill in."""
    for key, said in texts._SAYS.items():
        assert key.split()[0] in notices.KINDS
        assert all(said)
    assert {key.split()[0] for key in texts._SAYS} == set(notices.KINDS)
