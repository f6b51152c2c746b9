"""A real collector with a small simulated country and one account of each role, and a real headless Chromium."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import Browser, sync_playwright

from collector import enrollment, findings, ingest, rollup, simulate
from collector.agreements import contracts
from collector.app import make_app
from collector.judging import running
from collector.ledger import sequencing
from collector.people import passwords
from collector.settings import (
    AccountsSettings,
    DatabaseSettings,
    OpenDataSettings,
    PolicySettings,
    Serve,
    Server,
    Settings,
)
from collector.store import accounts, agreements, schools
from collector.store.accounts import NewAccount
from collector.store.audit import Who
from collector.store.database import Database, Role, open_database
from tests.browser.people import PASSWORD, People
from tests.collector.conftest import serving
from tests.fakes import lines, sessions
from tests.fakes.computer import Computer

SCHOOLS, DAYS = 24, 25
ZONE = ZoneInfo("Asia/Almaty")
LAUNCH = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
JUDGED, OPERATOR = "0107", "Alpha"
BARE = "bare"  # a school of which the registry knows nothing but its name


@pytest.fixture(scope="session")
def collector(tmp_path_factory) -> Iterator[People]:
    """The collector, as people reach it who have to log in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETREADY_DATA", str(tmp_path_factory.mktemp("data")))
        data = str(tmp_path_factory.mktemp("postgres") / "data")
        with open_database(DatabaseSettings(data=data, pool_size=4), make=True) as database:
            yield from serve(database)


def serve(database: Database) -> Iterator[People]:
    """Fill a database, and serve it until the caller has seen enough."""
    now = datetime.now(UTC)
    settings = Settings(
        serve=Serve(listen="127.0.0.1:0", local_pages=False),
        policy=PolicySettings(servers=(Server(url="wss://one.example", place="outside"),)),
        accounts=AccountsSettings(),
        open_data=OpenDataSettings(publisher="A ministry", licence="CC-BY-4.0"),
    )
    plan = simulate.plan_until_yesterday(SCHOOLS, DAYS, 1, now)
    simulate.run(database, plan, now, rollup.calendars_of(settings.policy))
    country = [one.school for one in simulate.sites(plan.schools, plan.seed) if one.school.operator]
    with database.owning() as connection:
        bare = schools.SchoolRecord(
            school_id=BARE, name="<b>«Ұлы» & \u202eSons</b> " + "ұзын " * 50, region_id=country[0].region_id
        )
        schools.keep_schools(connection, [bare])
    _add_a_bad_line(database, settings, country[0].region_id, now)
    people = People(
        address="",
        region=country[0].region_id,
        school=JUDGED,
        operator=OPERATOR,
        month=f"{_last_month(now):%Y-%m}",
    )
    _sign(database, [one.school_id for one in country], now)
    # What is known for less than two minutes is not judged yet.
    running.run(database, settings, now=now + timedelta(minutes=10), within_s=300)
    sequencing.run(database, settings)
    findings.run(database, ZONE)
    _admit(database, people, now)
    with serving(make_app(database, settings)) as address:
        people.address = address
        yield people


def _add_a_bad_line(database: Database, settings: Settings, region: str, now: datetime) -> None:
    """Add a school whose line gave 60 of 100 Mbit/s on every school day of last month, and whose contract says 100."""
    first = datetime.combine(_last_month(now), time(4, 5), UTC)
    one = schools.SchoolRecord(
        school_id=JUDGED,
        name="№ 7 «Қазақ & Сыновья» мектебі",
        region_id=region,
        pupils=640,
        operator=OPERATOR,
        connectivity_type="fibre",
        synthetic=True,
        download_contracted_bps=100e6,
        upload_contracted_bps=20e6,
    )
    computer, envelopes = lines.Computer(seed=77, school=JUDGED), []
    for day in lines.school_days(21, first):
        for number in range(6):
            at = day + timedelta(minutes=30 * number)
            test = sessions.throughput(60e6, 19.6e6, started_at=at - timedelta(seconds=10))
            since_s = (at - first).total_seconds() + 3600
            envelopes.append(computer.reports(at, sessions.cable(), test, monotonic_s=since_s))
    with database.owning() as connection:
        schools.keep_schools(connection, [one])
        token = enrollment.create_token(connection, JUDGED, uses=1, days=30, now=now)
    with database.ingesting() as connection:
        body = Computer(JUDGED, 77).enrollment(token)
        enrollment.enroll(connection, body, settings.policy, now)
    for each in envelopes:
        with database.ingesting() as connection:
            [receipt] = ingest.accept(connection, [msgspec.json.encode(each.envelope)], each.received_at)
        assert receipt.answer == "stored", receipt
    rollup.run(database, rollup.calendars_of(settings.policy))
    with database.owning() as connection:
        agreements.keep_terms(
            connection,
            lines.terms(
                school=JUDGED, operator=OPERATOR, valid_from=first.date(), recorded_at=now - timedelta(days=90)
            ),
            region,
        )


def _last_month(now: datetime) -> date:
    return (now.astimezone(ZONE).replace(day=1) - timedelta(days=20)).date().replace(day=1)


def _sign(database: Database, school_ids: list[str], now: datetime) -> None:
    """Give each school a contract for what its line was sold as, since two months."""
    who, begins = Who("a test", "admin"), (now - timedelta(days=70)).date().replace(day=1)
    with database.owning() as connection:
        for one in schools.schools_by_id(connection, school_ids):
            if one.download_contracted_bps and one.upload_contracted_bps:
                wish = contracts.TermsWish(
                    school=one.school_id,
                    contract=f"N-{one.school_id}",
                    operator=str(one.operator),
                    valid_from=begins,
                    download_bps=int(one.download_contracted_bps),
                    upload_bps=int(one.upload_contracted_bps),
                )
                contracts.record(connection, wish, who=who, now=now - timedelta(days=60))


def _admit(database: Database, people: People, now: datetime) -> None:
    hashed = passwords.hashed(PASSWORD)
    scopes: dict[Role, str | None] = {
        "ministry": None,
        "auditor": None,
        "admin": None,
        "region": people.region,
        "school": people.school,
        "operator": people.operator,
    }
    with database.admitting() as connection:
        for role, scope in scopes.items():
            name = f"the-{role}"
            made = NewAccount(name=name, full_name=None, role=role, scope=scope, password_hash=hashed, now=now)
            assert accounts.keep_account(connection, made)
            accounts.change_password(connection, name, hashed, must_change=False, now=now)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Where there is none the tests are skipped; CI installs it, and nothing is skipped there."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no chromium: .ci/run installs it")
        pytest.skip("no chromium here: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=LAUNCH,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots go: build/pages, or what NETREADY_PICTURES names."""
    folder = Path(os.environ.get("NETREADY_PICTURES", "build/pages")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
