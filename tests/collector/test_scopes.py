"""No role ever reads a row outside its scope: every GET route, every viewer, over generated countries."""

import asyncio
import io
import itertools
import random
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from agent.contract.measurement import Failed
from collector import access, context, enrollment, policies, rankings
from collector.agreements import contracts, disputes, exclusions
from collector.app import make_app
from collector.ledger import sequencing
from collector.people import sessions
from collector.policies import Scope
from collector.settings import AccountsSettings, PolicySettings, Serve, Settings
from collector.store import accounts, agreements, audit, embedded, rooms, schema, schools
from collector.store.accounts import NewAccount
from collector.store.audit import Who
from collector.store.database import MINISTRY, Database, Viewer
from collector.store.rooms import RoomRecord
from collector.store.schools import SchoolRecord
from collector.verdicts.disputes import Disputed, opened
from tests.collector.conftest import a_database
from tests.fakes.computer import Computer, batch, throughput, wire_link
from tests.fakes.routes import Found, routes_of

HOUR = timedelta(hours=1)
REGIONS, OPERATORS = ("KZ-75", "KZ-71"), ("Operator A", "Operator B")
# What makes a route show something to somebody: a new way to ask has to be added here and in collector.context.
WHO_ASKS = {
    context.api_viewer,
    context.page_viewer,
    context.local_or_viewer,
    context.api_asker,
    context.page_asker,
    context.local_or_asker,
    context.login_of,
}
# What anybody may ask, and what computers ask with their own key.
FOR_ANYBODY = {
    "/static/{name}",
    "/open",
    "/open/{period}/{name}",
    "/openapi.json",
    "/docs",
    "/healthz",
    "/api/v1/policy",
}
# What is inside a school; operators judge lines.
INSIDE = {"agent", "room", "sighting"}
# Pages of the login itself: about the person who looks, and covered by test_login.py.
OF_ONES_OWN = {"/login", "/login/code", "/account", "/account/password", "/account/second"}


class Plan(NamedTuple):
    """A school as it is generated; ``later``: the operator that takes it over after half of its reports."""

    region: str
    operator: str | None
    later: str | None


class Mark(NamedTuple):
    """A text that stands in one row only, and whose row that is. ``inside``: what operators do not see."""

    text: str
    school: str
    region: str
    operator: str | None
    inside: bool = False

    def may_be_seen_by(self, viewer: Viewer) -> bool:
        match viewer.role:
            case "region":
                return viewer.scope == self.region
            case "school":
                return viewer.scope == self.school
            case "operator":
                return viewer.scope == self.operator and not self.inside
        return True


plans = st.lists(
    st.builds(
        Plan,
        region=st.sampled_from(REGIONS),
        operator=st.sampled_from([*OPERATORS, None]),
        later=st.sampled_from([*OPERATORS, None, None]),
    ),
    min_size=3,
    max_size=4,
)


class Country:
    """A generated country behind a real application."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = random.Random(seed)  # noqa: S311 - a test that can be repeated
        self.numbers = itertools.count(1)
        self.marks: list[Mark] = []
        self.contracts: set[tuple[str, str | None]] = set()
        self.exclusions: list[str] = []
        self.disputes: list[str] = []
        self.files: list[str] = []
        serve = Serve(listen="127.0.0.1:0")
        own = AccountsSettings(trusted_proxies=("127.0.0.1",))
        self.app = make_app(database, Settings(serve=serve, accounts=own))
        self.period = f"{datetime.now(UTC):%Y}"

    def word(self, kind: str) -> str:
        """Return a text that is nowhere else, and that no answer holds by chance."""
        return f"{kind}{next(self.numbers)}x{self.random.getrandbits(48):012x}"

    def mark(self, kind: str, record: SchoolRecord, *, inside: bool = False) -> str:
        text = self.word(kind)
        self.marks.append(Mark(text, record.school_id, record.region_id, record.operator, inside))
        return text

    async def settle(self, http: httpx.AsyncClient, plan: Plan) -> None:
        """Add one school with a room, a computer, reports, a policy of its own."""
        record = SchoolRecord(
            school_id=self.word("id"),
            name="",
            region_id=plan.region,
            operator=plan.operator,
            pupils=300,
            download_contracted_bps=900_000_000,
            upload_contracted_bps=90_000_000,
        )
        computer = Computer(record.school_id, seed=next(self.numbers))
        # The registry's first operator gets what was measured before anybody named one.
        owners = [plan.operator or plan.later, plan.later or plan.operator]
        self.marks.append(Mark(record.school_id, record.school_id, plan.region, owners[-1]))
        for owner in dict.fromkeys(owners):
            record = schools_with(record, operator=owner)
            self.keep(record, computer if owner == owners[0] else None)
            for _ in range(3):
                detail = Failed(probe="latency", failure="no_answer", detail=self.mark("detail", record))
                envelope = computer.report(wire_link(), throughput(30e6, 6e6), detail)
                answer = await http.post("/api/v1/reports", content=batch(envelope))
                assert [one["answer"] for one in answer.json()["items"]] == ["stored"], answer.text

    def keep(self, record: SchoolRecord, computer: Computer | None) -> None:
        now = datetime.now(UTC)
        named = schools_with(record, name=self.mark("name", record), district=self.mark("district", record))
        with self.database.owning() as connection:
            schools.keep_schools(connection, [named])
            if computer is None:
                return
            rooms.keep_rooms(
                connection, [RoomRecord(school_id=record.school_id, label=self.mark("room", record, inside=True))]
            )
            token = enrollment.create_token(connection, record.school_id, uses=1, days=9, now=now)
            scope = Scope(record.region_id, record.school_id)
            note = self.mark("note", record, inside=True)
            policies.change(connection, scope, {}, PolicySettings(), who=Who("a test", "ministry"), note=note, now=now)
            audit.note(connection, Who("a test"), "saw", self.word("about"), now=now)
        with self.database.ingesting() as connection:
            enrollment.enroll(connection, computer.enrollment(token), PolicySettings(), now)
        if record.operator is not None:
            self.agree(record, record.operator, now)

    def agree(self, record: SchoolRecord, operator: str, now: datetime) -> None:
        """Record a contract, an exclusion of the line, and a dispute with a file."""
        who, school = Who("a test", "ministry"), record.school_id
        days = disputes.working_days(PolicySettings())
        wish = contracts.TermsWish(
            school=school,
            contract=self.mark("contract", record),
            operator=operator,
            valid_from=now.date(),
            download_bps=10**7,
        )
        filing = exclusions.Filing(
            kind="power_cut", school=school, begins=now, ends=now + HOUR, reason=self.mark("reason", record)
        )
        about = Disputed(school=school, line="1", month="2026-10", version=1, operator=operator)
        claim, times = self.mark("claim", record), disputes.times()
        step = opened(about, claim, now, at=now, author="a test", days=days, times=times)
        piece = disputes.Piece(name="a.txt", content=self.mark("file", record).encode(), text=self.mark("text", record))
        with self.database.ingesting() as connection:
            contracts.record(connection, wish, who=who, now=now)
            self.contracts.add((school, operator))
            self.exclusions.append(exclusions.file(connection, filing, who=who, now=now).id)
            agreements.keep_step(connection, step, record.region_id)
            known = disputes.attach(connection, step.dispute, piece, disputes.Occasion(who, now, days))
        attached = known.steps[-1].attached
        assert attached is not None
        self.disputes.append(known.id)
        self.files.append(f"/{known.id}/files/{attached.sha256}")

    def is_own(self, mark: Mark, viewer: Viewer) -> bool:
        """Tell whether a mark is the id of a school that an operator has a contract with, whoever has its line now."""
        return mark.text == mark.school and viewer.role == "operator" and (mark.text, viewer.scope) in self.contracts

    def viewers(self) -> list[Viewer]:
        with self.database.reading(MINISTRY) as connection:
            operators = schools.operators(connection)
        known = [Viewer("region", one) for one in REGIONS] + [Viewer("operator", one) for one in operators]
        known.append(Viewer("school", self.random.choice(self.marks).school))
        # The others see everything: one of them shows that there is something to see.
        return [*known, self.random.choice([MINISTRY, Viewer("auditor"), Viewer("admin")])]

    def login(self, viewer: Viewer) -> dict[str, str]:
        """Return the header of a program with a token, or of a browser with a session."""
        now = datetime.now(UTC)
        if self.random.random() < 0.5:
            name = self.word("account").lower()
            made = NewAccount(
                name=name, full_name=None, role=viewer.role, scope=viewer.scope, password_hash="none", now=now
            )
            with self.database.admitting() as connection:
                accounts.keep_account(connection, made)
                opened = sessions.begin(connection, name, "whole", AccountsSettings(), now)
            return {"cookie": f"netready-session={opened.session_id}", "x-forwarded-for": "203.0.113.9"}
        with self.database.owning() as connection:
            token = access.create(
                connection,
                role=viewer.role,
                scope=viewer.scope,
                name="program",
                days=None,
                now=now,
                rights=access.ROLE_RIGHTS[viewer.role],
            )
        return {"authorization": f"Bearer {token}"}

    def paths(self, route: Found) -> list[str]:
        """Return every address of a route: one for each thing that its path can name."""
        ids = sorted({mark.school for mark in self.marks})
        districts = {(mark.region, mark.text) for mark in self.marks if mark.text.startswith("district")}
        known = {
            "{month}/{line}/{school_id:path}": [f"2026-10/1/{one}" for one in ids],
            "{line}/{school_id:path}": [f"1/{one}" for one in ids],
            "{school_id:path}": ids,
            "/regions/{code}": [f"/regions/{one}" for one in REGIONS],
            "/districts/{code}/{name:path}": [f"/districts/{code}/{name}" for code, name in sorted(districts)],
            "/accounts/{_name}/{_action}": ["/accounts/nobody/disable"],
            "/admin/agents/{agent_id}": ["/admin/agents/0123456789abcdef0123456789abcdef"],
            "{scope:path}": ["country", *[f"region:{one}" for one in REGIONS], *[f"school:{one}" for one in ids]],
            "{level}/{place:path}": ["0/000.p/1"],
            "/{dispute_id}/files/{sha256}": self.files,
            "{dispute_id}": self.disputes,
            "{exclusion_id}": self.exclusions,
            "{school}/{line}/{month}": [f"{one}/1/2026-10" for one in ids],
            "/rankings/{name}": [f"/rankings/{name}" for name in rankings.names()],
        }
        for part, values in known.items():
            if part in route.path:
                return [route.path.replace(part, quote(value)) for value in values]
        assert "{" not in route.path, f"{route.path}: say in this test what its path can name"
        return [route.path]

    def question(self) -> dict[str, str]:
        """Return parameters as a curious person would try them; routes ignore what they do not know."""
        some = self.random.choice
        ids = [mark.school for mark in self.marks]
        asked = {
            "period": self.period,
            "region": some([None, None, *REGIONS]),
            "operator": some([None, None, *OPERATORS]),
            "school": some([None, *ids]),
            "district": some(
                [None, None, None, *[mark.text for mark in self.marks if mark.text.startswith("district")]]
            ),
            "scope": some(["country", f"region:{some(REGIONS)}", f"school:{some(ids)}"]),
            "format": some(["json", "json", "csv", "xlsx", "parquet"]),
            "limit": some([None, "1", "9999"]),
        }
        return {key: value for key, value in asked.items() if value is not None}


def schools_with(record: SchoolRecord, **changes) -> SchoolRecord:
    """Return a school with some of its fields changed."""
    return msgspec.structs.replace(record, **changes)


def text_of(answer: httpx.Response) -> str:
    """Return all that an answer tells, files unpacked."""
    kind = answer.headers.get("content-type", "")
    if "spreadsheet" in kind:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            return "\n".join(packed.read(name).decode() for name in packed.namelist())
    if "parquet" in kind:
        import pyarrow.parquet

        return str(pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist())
    return answer.text


async def look_everywhere(country: Country, planned: list[Plan]) -> dict[str, set[str]]:
    """Ask every route as every viewer; return which marks each role was shown, for the test that it sees its own."""
    transport = httpx.ASGITransport(country.app, raise_app_exceptions=False)
    seen: dict[str, set[str]] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as http:
        for plan in planned:
            await country.settle(http, plan)
        assert sequencing.run(country.database, Settings()) > 0
        wanted = [one for one in routes_of(country.app) if "GET" in one.methods and one.calls & WHO_ASKS]
        for viewer in country.viewers():
            header = country.login(viewer)
            for path in itertools.chain.from_iterable(
                country.paths(one) for one in wanted if one.path not in OF_ONES_OWN
            ):
                question = country.question()
                answer = await http.get(path, params=question, headers=header)
                assert answer.status_code < 500, (path, question, answer.text)
                asked = f"{path} {question}"
                text = text_of(answer)
                found = {mark for mark in country.marks if mark.text in text and mark.text not in asked}
                leaked = {
                    mark for mark in found if not mark.may_be_seen_by(viewer) and not country.is_own(mark, viewer)
                }
                assert leaked == set(), (viewer, asked)
                check_counts(country, viewer, path, question, answer)
                seen.setdefault("all" if viewer.scope is None else viewer.role, set()).update(
                    mark.text for mark in found
                )
    return seen


def check_counts(country: Country, viewer: Viewer, path: str, question: dict[str, str], answer: httpx.Response) -> None:
    """See that groups, too, are made of nothing but what the viewer may see."""
    if answer.status_code != 200 or not path.startswith("/api/v1/rankings/") or question["format"] != "json":
        return
    rows = [row for row in answer.json()["items"] if "schools" in row and "id" in row]
    visible = {mark.school for mark in country.marks if mark.text == mark.school and mark.may_be_seen_by(viewer)}
    assert sum(row["schools"] for row in rows) <= len(visible) * (1 if path.endswith("regions") else 2)


def look_into_every_table(country: Country) -> None:
    """Ask the database itself, below every question that joins: each table shows a viewer its own schools only."""
    with country.database.owning() as connection:
        found = connection.execute(
            "select attrelid::regclass::text from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where attname = 'school_id' and relkind in ('r', 'p', 'v', 'm') and relnamespace = 'public'::regnamespace"
            " and has_table_privilege(%s, attrelid, 'select')",
            (schema.role_names(connection.info.dbname)[0],),
        ).fetchall()
    tables = {name for (name,) in found}
    assert tables >= {
        "school",
        "agent",
        "report",
        "measurement",
        "speed_test",
        "room",
        "sighting",
        "school_period",
        "contract",
        "dispute_file",
    }
    for viewer in country.viewers():
        own = {mark.school for mark in country.marks if mark.may_be_seen_by(viewer)}
        with country.database.reading(viewer) as connection:
            for table in tables:
                question = sql.SQL("select distinct school_id from {}").format(sql.Identifier(table))
                shown = {school for (school,) in connection.execute(question)} - {"", None}
                inside = viewer.role == "operator" and table in INSIDE
                assert shown <= (set() if inside else own), (viewer, table)


@pytest.fixture(scope="module")
def copies(server, migrated):
    """Make databases, each a copy of a migrated one."""

    def make():
        return a_database(server, migrated)

    return make, server


def test_every_route_says_who_may_ask(database):
    """A new route that answers anybody has to be named here; one that asks who it is, is looked into below."""
    found = [one for one in routes_of(make_app(database, Settings())) if "GET" in one.methods]
    assert {one.path for one in found if not one.calls & WHO_ASKS} == FOR_ANYBODY


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(planned=plans, seed=st.integers(0, 2**32))
def test_no_role_reads_outside_its_scope(copies, planned, seed):
    """Through every endpoint, export and page that shows something to somebody: only rows of their own scope."""
    make, server = copies
    with make() as name, Database(server.url(name, embedded.SUPERUSER), pool_size=4) as database:
        country = Country(database, seed)
        seen = asyncio.run(look_everywhere(country, planned))
        look_into_every_table(country)
        shown = {re.match("[a-z]+", one)[0] for one in seen["all"]}
        assert shown >= {"id", "name", "detail", "room", "note"}
        assert not country.disputes or shown >= {"contract", "reason", "claim", "text", "file"}
