"""Contracts, exclusions and disputes as they are kept: amended and never overwritten, logged, judged again."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from psycopg import sql

from collector import access
from collector.agreements import contracts, disputes, exclusions
from collector.agreements.contracts import TermsWish
from collector.agreements.disputes import Decision, Objection, Occasion, Piece
from collector.agreements.exclusions import Filing, Settlement
from collector.errors import NotAllowed, NotFound
from collector.store import agreements, audit, schools
from collector.store.audit import Who
from collector.store.database import MINISTRY, Viewer
from collector.verdicts import canonical
from collector.verdicts.disputes import WorkingDays
from collector.verdicts.errors import AgreementError, DisputeError
from collector.verdicts.terms import Terms

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday
ZONE = ZoneInfo("Asia/Almaty")
DAYS = WorkingDays(zone=ZONE)
MINISTER = Who("the ministry", "ministry")
OFFICE = Who("Almaty's office", "region", "KZ-75")
OTHER_OFFICE = Who("Astana's office", "region", "KZ-71")
ALPHA = Who("Alpha's engineer", "operator", "Alpha")
BETA = Who("Beta's engineer", "operator", "Beta")
HEAD = Who("head of 0101", "school", "0101")
VERDICT = """
insert into verdict (
    school_id, line, month, operator, version, region_id, synthetic, state, is_recurring, judged_at, body, sha256, facts
)
values ('0101', '1', '2026-10', %(operator)s, %(version)s, 'KZ-75', false, %(state)s, false, %(at)s, '', '', '')
"""


def wish(**changes) -> TermsWish:
    told = {"school": "0101", "contract": "A-1", "operator": "Alpha", "valid_from": date(2026, 12, 1)}
    return TermsWish(**told | {"download_bps": 20_000_000, "upload_bps": 5_000_000} | changes)


def filing(**changes) -> Filing:
    told = {"kind": "power_cut", "school": "0101", "begins": NOW - timedelta(days=3), "reason": "the cable was cut"}
    return Filing(**{"ends": NOW - timedelta(days=2)} | told | changes)


@pytest.fixture
def record(database, add_school):
    """Record a contract of school 0101, by default as the ministry."""
    add_school("0101")

    def do(who: Who = MINISTER, at: datetime = NOW, **changes) -> Terms:
        with database.ingesting() as connection:
            return contracts.record(connection, wish(**changes), who=who, now=at)

    return do


@pytest.fixture
def file(database, record):
    """File an exclusion of a line with a contract."""
    record(valid_from=date(2026, 9, 1))

    def do(who: Who = MINISTER, at: datetime = NOW, **changes):
        with database.ingesting() as connection:
            return exclusions.file(connection, filing(**changes), who=who, now=at)

    return do


@pytest.fixture
def settle(database):
    """Confirm, refuse or withdraw an exclusion."""

    def do(one, action: str, who: Who = MINISTER):
        with database.ingesting() as connection:
            return exclusions.settle(connection, one.id, Settlement(action=action), who=who, now=NOW)

    return do


@pytest.fixture
def ask(database_url):
    """Ask the database as its owner."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield lambda text, values=None: connection.execute(text, values)


@pytest.fixture
def dispute(database, record, ask):
    """Open a dispute of a breach of October that was found on 16 November."""
    record(valid_from=date(2026, 9, 1))
    ask(VERDICT, {"operator": "Alpha", "version": 1, "state": "breach", "at": NOW - timedelta(days=7)})

    def do(who: Who = ALPHA, at: datetime = NOW, version: int = 1):
        said = Objection(school="0101", month="2026-10", version=version, claim="the school was without power")
        with database.reading(Viewer(who.role, who.scope)) as connection:
            found = disputes.judged(connection, said, Viewer(who.role, who.scope))
        with database.ingesting() as connection:
            return disputes.open_one(connection, said, found, Occasion(who, at, DAYS))

    return do


@pytest.fixture
def change(database):
    """Take a further step in a dispute."""

    def do(work, known, wanted, who: Who = MINISTER, at: datetime = NOW):
        with database.ingesting() as connection:
            return work(connection, known.id, wanted, Occasion(who, at, DAYS))

    return do


def pending(ask, subject: str) -> list[tuple]:
    return ask(
        "select school_id, operator, key, sha256 from log_pending where subject = %s order by id", [subject]
    ).fetchall()


def test_the_wish_is_the_terms():
    """Somebody who records a contract says all of it but what the collector says itself."""
    own = {"number", "recorded_at", "author"}
    wanted = {one.name: (one.type, one.default) for one in msgspec.structs.fields(TermsWish)}
    kept = {one.name: (one.type, one.default) for one in msgspec.structs.fields(Terms) if one.name not in own}
    assert wanted == kept


def test_a_contract_is_amended_and_never_overwritten(database, record, ask):
    """Each record stays with its bytes, is logged by their hash, and noted with who said it."""
    first = record()
    assert record() == first
    second = record(OFFICE, valid_from=date(2027, 1, 1), download_bps=50_000_000)
    assert (first.number, second.number, second.author) == (1, 2, "Almaty's office")
    with database.reading(MINISTRY) as connection:
        known = agreements.terms_of(connection)
        log = audit.entries(connection, audit.Wanted(), limit=5)
    assert known == [first, second]
    told = [(school, operator, key) for school, operator, key, _ in pending(ask, "contract")]
    assert told == [("0101", "Alpha", "1/1/A-1"), ("0101", "Alpha", "1/2/A-1")]
    bodies = ask("select body, sha256 from contract order by number").fetchall()
    assert bodies == [(canonical.encode(one), canonical.sha256(canonical.encode(one))) for one in known]
    assert [each[3] for each in pending(ask, "contract")] == [one[1] for one in bodies]
    assert [(one.who, one.about, one.detail["number"]) for one in log] == [
        ("Almaty's office", "school 0101", 2),
        ("the ministry", "school 0101", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"valid_to": date(2026, 11, 30)}, "valid_to: "),
        ({"download_bps": None, "upload_bps": None}, "nothing is promised"),
        ({"download_normal_bps": 30_000_000}, "download_bps: "),
        ({"upload_bps": None, "upload_minimum_bps": 1_000_000}, "upload_bps: "),
        ({"rule": "70-70"}, "rule: there is no rule '70-70'; config/sla.toml has 80-80"),
        ({"networks": ("203.0.113.1/29",)}, "networks: '203.0.113.1/29' is no network"),
        ({"price_per_month": "45000"}, "currency: "),
        ({"price_per_month": "NaN", "currency": "KZT"}, "price_per_month: "),
        ({"price_per_month": "-1", "currency": "KZT"}, "price_per_month: "),
        ({"reduction": "levels"}, "price_per_month: "),
    ],
)
def test_terms_that_contradict_themselves(changes, named):
    """Each is refused with the field and what to do."""
    with pytest.raises(AgreementError, match=named):
        contracts.next_record(
            msgspec.convert(msgspec.to_builtins(wish()) | changes, TermsWish), [], author="x", now=NOW
        )


def test_two_contracts_never_hold_for_one_line(record):
    """The other is named, and what to do: end it first; then the next day is free."""
    record()
    with pytest.raises(AgreementError, match="line 1 of school 0101 is Alpha's by contract A-1 from 2026-12-01"):
        record(contract="B-7", operator="Beta", valid_from=date(2027, 3, 1))
    record(valid_from=date(2026, 12, 1), valid_to=date(2027, 2, 28))
    assert record(contract="B-7", operator="Beta", valid_from=date(2027, 3, 1)).number == 1
    with pytest.raises(AgreementError, match="contract B-7"):
        record(valid_from=date(2026, 12, 1), valid_to=None)
    with pytest.raises(AgreementError, match="operator: contract A-1 is Alpha's"):
        record(operator="Beta", valid_to=date(2027, 2, 28))
    with pytest.raises(AgreementError, match="valid_from: contract A-1 was amended from 2026-12-01"):
        record(valid_from=date(2026, 11, 1), valid_to=date(2027, 2, 28))


def test_two_lines_of_a_school_can_be_told_apart(record):
    """Each has its own public addresses, or the second is refused."""
    record()
    with pytest.raises(AgreementError, match="networks: school 0101 has the lines 1 and 2 on 2026-12-01"):
        record(line="2", contract="B-7", operator="Beta", networks=("203.0.113.0/29",))
    record(networks=("203.0.113.0/28",))
    with pytest.raises(AgreementError, match="their networks overlap"):
        record(line="2", contract="B-7", operator="Beta", networks=("203.0.113.8/29",))
    assert record(line="2", contract="B-7", operator="Beta", networks=("198.51.100.0/29", "2001:db8::/48")).line == "2"


def test_who_records_contracts(record):
    """The ministry and the region of the school; nobody else, and of no school that is none."""
    for who in (OTHER_OFFICE, ALPHA, HEAD, Who("auditor", "auditor")):
        with pytest.raises(NotAllowed, match="records no contracts"):
            record(who)
    with pytest.raises(NotFound):
        record(school="0199")
    assert record(OFFICE).author == "Almaty's office"


def test_a_back_dated_contract_is_marked_and_its_months_judged_again(database, record, ask):
    """All months since it began until now; a contract of the future touches none."""
    record()
    assert ask("select month from dirty_verdict").fetchall() == []
    record(line="2", contract="B", operator="Beta", valid_from=date(2026, 9, 15), valid_to=date(2026, 10, 31))
    assert ask("select school_id, month from dirty_verdict order by month").fetchall() == [
        ("0101", "2026-09"),
        ("0101", "2026-10"),
    ]
    with database.reading(MINISTRY) as connection:
        found = contracts.listed(connection, school=None, operator=None, day=None, zone=ZONE)
    assert [(one.line, one.backdated) for one in found] == [("1", False), ("2", True)]


def test_a_missing_contract_is_said(database, record, add_school):
    """Schools without one on the day are named; nobody's contract is guessed from the registry."""
    add_school("0102", operator="Alpha", download_contracted_bps=20_000_000)
    add_school("0103", closed_on=date(2026, 1, 1))
    record()

    def asked(day: date | None, viewer: Viewer = MINISTRY, **more):
        with database.reading(viewer) as connection:
            named = {"school": None, "operator": None} | more
            found = contracts.listed(connection, day=day, zone=ZONE, **named)
        return [(one.school, one.state) for one in found]

    assert asked(date(2026, 12, 1)) == [("0101", "holds"), ("0102", "no contract")]
    assert asked(date(2026, 11, 30)) == [("0101", "no contract"), ("0102", "no contract")]
    assert asked(date(2026, 12, 1), operator="Alpha") == [("0101", "holds")]
    assert asked(date(2026, 12, 1), Viewer("operator", "Alpha")) == [("0101", "holds"), ("0102", "no contract")]
    assert asked(date(2026, 12, 1), Viewer("operator", "Beta")) == []
    with pytest.raises(NotFound):
        asked(None, Viewer("operator", "Beta"), school="0101")


def test_an_operator_of_a_contract_can_hold_a_token(database, record):
    """Also where the registry names another operator, or none."""
    record()
    with database.owning() as connection:
        access.check_holder(connection, "operator", "Alpha")
        with pytest.raises(NotFound):
            access.check_holder(connection, "operator", "Beta")


def test_agreements_go_with_a_school_to_another_region(database, record, file):
    """Who answers for the school now sees its contracts and exclusions."""
    file()
    with database.owning() as connection:
        moved = schools.visible_school(connection, "0101")
        schools.keep_schools(connection, [msgspec.structs.replace(moved, region_id="KZ-71")])
    with database.reading(Viewer("region", "KZ-71")) as connection:
        assert len(agreements.terms_of(connection)) == 1
        assert len(agreements.exclusions(connection)) == 1
    with database.reading(Viewer("region", "KZ-75")) as connection:
        assert agreements.terms_of(connection) == []
        assert agreements.exclusions(connection) == []


@pytest.mark.parametrize(
    ("who", "changes", "state"),
    [
        (MINISTER, {}, "in_force"),
        (MINISTER, {"kind": "holiday", "school": None, "region": "KZ-75"}, "in_force"),
        (OFFICE, {"kind": "force_majeure"}, "in_force"),
        (HEAD, {}, "claimed"),
        (HEAD, {"kind": "school_disconnection"}, "claimed"),
        (ALPHA, {}, "claimed"),
        (ALPHA, {"kind": "force_majeure", "school": None}, "claimed"),
        (ALPHA, {"kind": "force_majeure", "school": None, "region": "KZ-75"}, "claimed"),
        (HEAD, {"kind": "force_majeure"}, None),
        (HEAD, {"school": "0102"}, None),
        (HEAD, {"kind": "power_cut", "school": None, "operator": "Alpha"}, None),
        (ALPHA, {"kind": "school_disconnection"}, None),
        (ALPHA, {"kind": "holiday"}, None),
        (ALPHA, {"operator": "Beta"}, None),
        (ALPHA, {"line": "2"}, None),
        (ALPHA, {"school": None, "region": "KZ-71"}, None),
        (ALPHA, {"announced_at": NOW}, None),
        (BETA, {}, None),
        (BETA, {"school": None}, None),
        (OTHER_OFFICE, {}, None),
        (OTHER_OFFICE, {"school": None, "region": "KZ-75", "kind": "holiday"}, None),
        (OFFICE, {"school": None, "operator": "Alpha"}, None),
        (Who("auditor", "auditor"), {}, None),
    ],
)
def test_who_may_file_what(file, add_school, who, changes, state):
    """Each what it can know; what an operator or a school says for itself waits until somebody else confirms it."""
    add_school("0102")
    if state is None:
        with pytest.raises(NotAllowed):
            file(who, **changes)
    else:
        assert file(who, **changes).state == state


@pytest.mark.parametrize(
    ("who", "changes", "named"),
    [
        (MINISTER, {"ends": NOW - timedelta(days=3)}, "ends: it ends before"),
        (MINISTER, {"begins": NOW - timedelta(days=99)}, "at most 92 days"),
        (MINISTER, {"begins": datetime(1, 1, 1, tzinfo=UTC)}, "decades"),
        (MINISTER, {"school": None}, "name whom it is for"),
        (MINISTER, {"school": None, "operator": "Alpha", "line": "1"}, "line: "),
        (MINISTER, {"region": "KZ-75"}, "region: "),
        (MINISTER, {"kind": "planned_works"}, "operator: works are somebody's"),
        (HEAD, {"begins": NOW - timedelta(days=40), "ends": NOW - timedelta(days=31)}, "more than 30 days ago"),
        (ALPHA, {"kind": "planned_works"}, "72 hours ahead"),
        (
            ALPHA,
            {"kind": "planned_works", "begins": NOW + timedelta(hours=71), "ends": NOW + timedelta(days=4)},
            "72 hours ahead",
        ),
    ],
)
def test_what_cannot_be_filed(file, who, changes, named):
    """Each is refused with what is wrong, and what to do instead."""
    with pytest.raises(AgreementError, match=named):
        file(who, **changes)


def test_one_side_files_so_many_a_year(file, add_school, monkeypatch):
    """More would fill each verdict's facts; another side, another school, another operator and year go on."""
    monkeypatch.setattr(exclusions, "MOST_A_YEAR", 2)
    add_school("0102")
    file(HEAD)
    file(HEAD, kind="school_disconnection")
    with pytest.raises(AgreementError, match="2 exclusions were filed for 2026 already"):
        file(HEAD)
    file()
    file(OFFICE)
    file(ALPHA)
    file(HEAD, operator="Alpha")
    file(Who("head of 0102", "school", "0102"), school="0102")
    later = datetime(2027, 2, 1, tzinfo=UTC)
    file(HEAD, begins=later, ends=later + timedelta(hours=1))
    for _ in range(2):
        file(school=None, region="KZ-75")
    with pytest.raises(AgreementError, match="already"):
        file(school=None, region="KZ-75")
    file(school=None, region="KZ-71")


def test_the_ministry_vouches_for_an_announcement(file):
    """A letter that came in time counts from when it came, and never from a time to come."""
    begins = NOW + timedelta(hours=10)
    planned = {"kind": "planned_works", "operator": "Alpha", "begins": begins, "ends": begins + timedelta(hours=2)}
    assert file(MINISTER, announced_at=begins - timedelta(hours=72), **planned).announced_at < NOW
    with pytest.raises(AgreementError):
        file(MINISTER, announced_at=NOW + timedelta(days=1), **planned)


def test_an_unknown_place(file):
    """A school or region that is none is named."""
    for changes in ({"school": "0199"}, {"school": None, "region": "KZ-99"}):
        with pytest.raises(NotFound):
            file(MINISTER, **changes)


def test_a_claim_is_settled_by_somebody_else(file, settle, database):
    """The ministry, the region, and a school its own power cuts; whoever filed it can only withdraw it."""
    claim = file(ALPHA)
    for who in (ALPHA, BETA, OTHER_OFFICE, Who("auditor", "auditor"), Who("x", "school", "0102")):
        with pytest.raises(NotAllowed):
            settle(claim, "confirm", who)
    assert settle(claim, "confirm", HEAD).state == "in_force"
    with pytest.raises(AgreementError, match="in force; it cannot be confirmed"):
        settle(claim, "confirm")
    assert settle(claim, "refuse", OFFICE).state == "refused"
    with pytest.raises(AgreementError, match="refused; it cannot be withdrawn"):
        settle(claim, "withdraw", ALPHA)
    with database.reading(MINISTRY) as connection:
        found = exclusions.records_of(connection, claim.id)
    assert [(one.number, one.state, one.author) for one in found] == [
        (1, "claimed", "Alpha's engineer"),
        (2, "in_force", "head of 0101"),
        (3, "refused", "Almaty's office"),
    ]


def test_a_schools_word_alone_leaves_nothing_out(file, settle, ask):
    """The operator of the line, the region or the ministry confirms what a school claims; it cannot itself."""
    ask("delete from dirty_verdict")
    claim = file(HEAD)
    assert ask("select count(*) from dirty_verdict").fetchone() == (0,)
    for who in (HEAD, BETA, OTHER_OFFICE, Who("auditor", "auditor"), Who("x", "school", "0102")):
        with pytest.raises(NotAllowed, match="cannot confirm"):
            settle(claim, "confirm", who)
    assert settle(claim, "confirm", ALPHA).state == "in_force"
    assert ask("select count(*) from dirty_verdict").fetchone() == (1,)
    for who in (OFFICE, MINISTER):
        assert settle(file(HEAD, kind="school_disconnection"), "confirm", who).state == "in_force"


def test_an_operator_confirms_for_its_own_lines_only(file, settle, record):
    """What a school claims of several operators' lines is the region's to confirm; or each is claimed by itself."""
    record(valid_from=date(2026, 9, 1), networks=("203.0.113.0/29",))
    second = {"line": "2", "contract": "B", "operator": "Beta", "networks": ("198.51.100.0/29",)}
    record(valid_from=date(2026, 11, 1), **second)
    both = file(HEAD)
    for who in (ALPHA, BETA):
        with pytest.raises(NotAllowed):
            settle(both, "confirm", who)
    assert settle(both, "confirm", OFFICE).state == "in_force"
    own = file(HEAD, line="2")
    with pytest.raises(NotAllowed):
        settle(own, "confirm", ALPHA)
    assert settle(own, "confirm", BETA).state == "in_force"
    before = {"begins": datetime(2026, 10, 28, tzinfo=UTC), "ends": datetime(2026, 10, 29, tzinfo=UTC)}
    assert settle(file(HEAD, **before), "confirm", ALPHA).state == "in_force"


def test_what_the_other_side_confirmed_nobody_takes_back_alone(file, settle):
    """Neither the school nor the operator that filed it; the region and the ministry can still refuse it."""
    for filed, confirms in ((HEAD, ALPHA), (ALPHA, HEAD)):
        claim = file(filed)
        settle(claim, "confirm", confirms)
        with pytest.raises(AgreementError, match="was confirmed"):
            settle(claim, "withdraw", filed)
        assert settle(claim, "refuse", OFFICE).state == "refused"


def test_works_are_withdrawn_until_they_begin(database, file):
    """Whoever filed them: afterwards they have used the year's allowance, and only an office can refuse them."""
    begins = NOW + timedelta(days=4)
    planned = {"kind": "planned_works", "operator": "Alpha", "begins": begins, "ends": begins + timedelta(hours=2)}

    def settled(one, action: str, who: Who, at: datetime):
        with database.ingesting() as connection:
            return exclusions.settle(connection, one.id, Settlement(action=action), who=who, now=at)

    for who in (ALPHA, MINISTER):
        one, other = file(who, **planned), file(who, **planned)
        assert settled(one, "withdraw", who, begins - timedelta(minutes=1)).state == "withdrawn"
        with pytest.raises(AgreementError, match="until they begin"):
            settled(other, "withdraw", who, begins)
        assert settled(other, "refuse", OFFICE, begins).state == "refused"


def test_whoever_filed_it_withdraws_it(file, settle):
    """And nobody else: not even the ministry, which refuses."""
    for who, other in ((ALPHA, HEAD), (HEAD, ALPHA), (OFFICE, MINISTER), (MINISTER, OFFICE)):
        one = file(who)
        with pytest.raises(NotAllowed):
            settle(one, "withdraw", other)
        assert settle(one, "withdraw", who).state == "withdrawn"


def test_both_sides_see_an_exclusion(database, file, record):
    """The school, its region and the operator of the line; no other operator, until a line there is its own."""
    file(HEAD)
    file(MINISTER, school=None, region="KZ-75", kind="holiday")
    file(ALPHA, school=None)

    def seen(role: str, scope: str | None) -> int:
        with database.reading(Viewer(role, scope)) as connection:
            return len(exclusions.listed(connection, school=None, begins=None, ends=None))

    assert seen("ministry", None) == seen("auditor", None) == seen("region", "KZ-75") == seen("school", "0101") == 3
    assert seen("operator", "Alpha") == 3
    assert seen("operator", "Beta") == 1  # the region's holiday
    assert seen("region", "KZ-71") == 1  # what Alpha claims of all its lines
    record(valid_from=date(2026, 9, 1), valid_to=date(2026, 11, 30))
    record(contract="B", operator="Beta", valid_from=date(2026, 12, 1))
    assert seen("operator", "Beta") == 2


def test_a_late_exclusion_has_its_month_judged_again(file, settle, ask):
    """When it comes into force and when it ends; a claim and what lies ahead change nothing yet."""

    def marked() -> list[str]:
        found = [month for (month,) in ask("select month from dirty_verdict order by month").fetchall()]
        ask("delete from dirty_verdict")
        return found

    marked()
    claim = file(ALPHA, begins=datetime(2026, 10, 31, 20, tzinfo=UTC), ends=datetime(2026, 11, 2, tzinfo=UTC))
    assert marked() == []
    settle(claim, "confirm")
    assert marked() == ["2026-10", "2026-11"]
    settle(claim, "refuse")
    assert marked() == ["2026-10", "2026-11"]
    file(MINISTER, begins=NOW + timedelta(days=1), ends=NOW + timedelta(days=2))
    assert marked() == []
    file(MINISTER, school=None, operator="Alpha", kind="force_majeure")
    assert marked() == ["2026-11"]
    assert [one[2].partition("/")[2] for one in pending(ask, "exclusion")] == ["1", "2", "3", "1", "1"]


def test_what_concerns_a_school_is_found(database, file, add_school):
    """Its own, those of its region and those of the country, within a span of time."""
    add_school("0102", region_id="KZ-71")
    own = file(HEAD)
    region = file(MINISTER, school=None, region="KZ-75", kind="holiday")
    country = file(MINISTER, school=None, operator="Alpha", kind="force_majeure")
    with database.reading(MINISTRY) as connection:
        found = agreements.exclusions(connection, school_id="0101", region_id="KZ-75")
        other = agreements.exclusions(connection, school_id="0102", region_id="KZ-71")
        later = agreements.exclusions(connection, begins=own.ends)
    assert {one.id for one in found} == {own.id, region.id, country.id}
    assert {one.id for one in other} == {country.id}
    assert later == []


def test_a_dispute_goes_its_way(database, dispute, change, ask):
    """Opened by the operator, evidence of both sides, decided by the ministry: excluded, logged, judged again."""
    opened = dispute()
    assert (opened.evidence_until, opened.decide_until) == (date(2026, 12, 7), date(2027, 1, 4))
    photo = Piece(name="counter.csv", content=b"1,2,3", text="our own counters")
    known = change(disputes.attach, opened, photo, ALPHA)
    known = change(disputes.attach, opened, Piece(name="log.txt", content=b"on", text="we had power"), HEAD)
    assert known.files == 2
    ask("delete from dirty_verdict")
    follows = filing(begins=datetime(2026, 10, 5, tzinfo=UTC), ends=datetime(2026, 10, 6, tzinfo=UTC), line="1")
    decision = Decision(outcome="partly", reason="on one day", exclusions=(follows,))
    done = change(disputes.decide, opened, decision)
    assert (done.state, done.outcome, len(done.exclusions)) == ("decided", "partly", 1)
    assert ask("select school_id, month from dirty_verdict").fetchall() == [("0101", "2026-10")]
    with database.reading(Viewer("operator", "Alpha")) as connection:
        (excluded,) = exclusions.records_of(connection, done.exclusions[0])
        named, content = disputes.file_of(connection, opened.id, known.steps[1].attached.sha256)
        listed = disputes.listed(connection, agreements.Wanted(), days=DAYS, now=NOW)
    assert (excluded.dispute, excluded.state, excluded.author) == (opened.id, "in_force", "the ministry")
    assert (named.name, content) == ("counter.csv", b"1,2,3")
    assert [one.action for one in listed[0].dispute.steps] == ["opened", "evidence", "evidence", "decided"]
    assert [one[2] for one in pending(ask, "dispute")] == [f"{opened.id}/{number}" for number in (1, 2, 3, 4)]
    for work, wanted in ((disputes.decide, decision), (disputes.attach, photo), (disputes.withdraw, "no")):
        with pytest.raises(DisputeError, match="decided"):
            change(work, opened, wanted, ALPHA if work is not disputes.decide else MINISTER)


def test_who_disputes_what(dispute, ask, change):
    """The operator accused, the newest version, in time, once, and only what accuses it."""
    for who, kind in ((MINISTER, NotAllowed), (HEAD, NotAllowed), (BETA, NotFound)):
        with pytest.raises(kind):
            dispute(who)
    with pytest.raises(NotFound):
        dispute(version=2)
    with pytest.raises(DisputeError, match="could be disputed until 2026-11-30"):
        dispute(at=NOW + timedelta(days=8))
    opened = dispute()
    with pytest.raises(DisputeError, match="disputed already"):
        dispute()
    for who in (BETA, OTHER_OFFICE, Who("x", "school", "0102"), Who("x", "auditor")):
        with pytest.raises(NotFound):
            change(disputes.attach, opened, Piece(name="a", content=b"a", text="a"), who)
    for who in (ALPHA, HEAD, OFFICE):
        with pytest.raises(NotAllowed):
            change(disputes.decide, opened, Decision(outcome="upheld", reason="so"), who)
    ask(VERDICT, {"operator": "Alpha", "version": 2, "state": "compliant", "at": NOW})
    with pytest.raises(DisputeError, match="was replaced"):
        dispute()
    with pytest.raises(DisputeError, match="accuses nobody"):
        dispute(version=2)


def test_evidence_is_bounded(dispute, change):
    """In size, in number, and in time; a file of nothing is none."""
    opened = dispute()
    for content in (b"", b"x" * (disputes.most_bytes() + 1)):
        with pytest.raises(AgreementError, match="at least a byte and at most 8 MiB"):
            change(disputes.attach, opened, Piece(name="a", content=content, text="a"), ALPHA)
    with pytest.raises(DisputeError, match="until 2026-12-07"):
        change(disputes.attach, opened, Piece(name="a", content=b"a", text="a"), ALPHA, NOW + timedelta(days=15))
    for number in range(20):
        known = change(disputes.attach, opened, Piece(name=f"{number}", content=b"same", text="a"), ALPHA)
    assert known.files == 20
    with pytest.raises(DisputeError, match="20 files"):
        change(disputes.attach, opened, Piece(name="a", content=b"a", text="a"), ALPHA)


def test_a_decision_is_about_what_was_disputed(dispute, change, database):
    """Exclusions of another line, or of a claim that was rejected, are refused, and nothing of the decision stands."""
    opened = dispute()
    for outcome, changes in (
        ("rejected", {"line": "1"}),
        ("upheld", {"line": "2"}),
        ("upheld", {"line": "1", "school": "0102"}),
        ("upheld", {"line": "1", "operator": "Beta"}),
    ):
        with pytest.raises(AgreementError, match="exclusions: "):
            change(disputes.decide, opened, Decision(outcome=outcome, reason="so", exclusions=(filing(**changes),)))
    with database.reading(MINISTRY) as connection:
        assert agreements.exclusions(connection) == []
        assert disputes.one_of(connection, opened.id).state == "open"


def test_an_overdue_dispute_is_shown_and_decided_by_nobody(database, dispute, change):
    """It stays open, marked; the ministry can still decide it."""
    opened = dispute()
    late = NOW + timedelta(days=60)
    with database.reading(Viewer("school", "0101")) as connection:
        (found,) = disputes.listed(connection, agreements.Wanted(), days=DAYS, now=late)
    assert (found.dispute.state, found.standing.waits_for, found.standing.is_overdue) == ("open", "decision", True)
    assert found.standing.days_left < 0
    assert change(disputes.decide, opened, Decision(outcome="rejected", reason="so"), at=late).outcome == "rejected"


def test_only_whoever_may_sees_a_dispute(database, dispute):
    """The operator, the school, its region, the ministry; nobody else knows that there is one."""
    opened = dispute()
    for viewer, count in (
        (Viewer("operator", "Alpha"), 1),
        (Viewer("school", "0101"), 1),
        (Viewer("region", "KZ-75"), 1),
        (Viewer("auditor"), 1),
        (Viewer("operator", "Beta"), 0),
        (Viewer("school", "0102"), 0),
        (Viewer("region", "KZ-71"), 0),
    ):
        with database.reading(viewer) as connection:
            assert len(agreements.steps(connection, agreements.Wanted())) == count
            assert len(agreements.steps(connection, agreements.Wanted(id=opened.id))) == count


def test_nobody_of_the_program_changes_a_record(database, record):
    """The roles add; they neither change nor remove."""
    record()
    for table in ("contract", "exclusion", "dispute_step", "dispute_file"):
        for statement in ("delete from {}", "update {} set region_id = ''"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), database.ingesting() as connection:
                connection.execute(sql.SQL(statement).format(sql.Identifier(table)))
