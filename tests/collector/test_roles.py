import psycopg
import pytest
from psycopg import sql

from collector.store import schema
from collector.store.database import Viewer
from tests import citus


@pytest.fixture
def catalog(database_url, database):
    """Ask the catalog of a migrated database as its owner."""
    with psycopg.connect(database_url) as connection:
        names = schema.role_names(connection.info.dbname)

        def ask(question: str, *parameters: object) -> list[tuple]:
            return connection.execute(question, parameters).fetchall()

        yield ask, names


def test_the_programs_roles_own_nothing_and_cannot_bypass(catalog, server):
    """Neither role is special in any way that would let it around a policy, or a member of one that is.

    But for storing over several machines (collector.store.distribution).
    """
    ask, (query, ingest) = catalog
    rows = ask(
        "select rolname, rolbypassrls, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolinherit from pg_roles"
        " where rolname in (%s, %s)",
        query,
        ingest,
    )
    spread = isinstance(server, citus.Cluster)
    assert sorted(rows) == sorted([(query, *(False,) * 6), (ingest, spread, *(False,) * 5)])
    assert ask("select count(*) from pg_class where relowner in (%s::regrole, %s::regrole)", query, ingest) == [(0,)]
    assert ask("select count(*) from pg_auth_members where member in (%s::regrole, %s::regrole)", query, ingest) == [
        (0,)
    ]


def test_no_policy_hides_anything_from_ingest(catalog):
    """What it may do is what its grants say: where it has to go past policies (Citus), nothing changes."""
    ask, (_, ingest) = catalog
    rows = ask("select tablename, qual, with_check from pg_policies where %s = any(roles)", ingest)
    assert len(rows) > 10
    assert [row for row in rows if set(row[1:]) - {None, "true"}] == []
    commands = ask(
        "select distinct relname from pg_class, aclexplode(relacl) where grantee = %s::regrole and relrowsecurity"
        " and not exists (select from pg_policies where tablename = relname and %s = any(roles))",
        ingest,
        ingest,
    )
    assert commands == []


def test_every_table_with_school_data_is_under_row_level_security(catalog):
    """A table that names a school has policies switched on; a new one without them fails here."""
    ask, _ = catalog
    rows = ask(
        "select relname, relrowsecurity from pg_class join pg_attribute on attrelid = pg_class.oid"
        " where attname = 'school_id' and relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
    )
    assert {name for name, _ in rows} >= {"school", "agent", "report", "measurement", "speed_test", "enrollment_token"}
    assert [name for name, secured in rows if not secured] == []


def test_every_key_of_a_table_with_school_data_contains_the_school(catalog):
    """Unique and foreign keys contain school_id, so that the tables can be distributed by it."""
    ask, _ = catalog
    rows = ask(
        "select conrelid::regclass::text, conname from pg_constraint join pg_class on pg_class.oid = conrelid"
        " where contype in ('p', 'u', 'f')"
        " and exists (select 1 from pg_attribute where attrelid = conrelid and attname = 'school_id')"
        " and not exists (select 1 from pg_attribute where attrelid = conrelid and attname = 'school_id'"
        " and attnum = any(conkey)) and confrelid is distinct from 'region'::regclass"
    )
    assert rows == []


def test_every_unique_index_of_a_table_with_school_data_contains_the_school(catalog):
    """An index that is no constraint would stand in the way of distributing the tables as well."""
    ask, _ = catalog
    rows = ask(
        "select indexrelid::regclass::text from pg_index join pg_class on pg_class.oid = indrelid"
        " join pg_attribute on attrelid = indrelid and attname = 'school_id'"
        " where indisunique and relnamespace = 'public'::regnamespace and not attnum = any(indkey)"
    )
    assert rows == []


def test_growing_tables_are_partitioned_and_check_nothing_row_by_row(catalog):
    """Their keys end with the partitions' own, and no foreign key leads from or to them: ingest checks once."""
    ask, _ = catalog
    grown = ("report", "measurement", "speed_test", "sighting")
    for table in grown:
        assert ask("select pg_get_partkeydef(%s::regclass)", table) == [("RANGE (received_at)",)]
        (key,) = ask(
            "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'", table
        )
        assert key[0].endswith(", received_at)")
    names = list(grown)
    foreign = (
        "select conname from pg_constraint where contype = 'f'"
        " and (conrelid = any(%s::regclass[]) or confrelid = any(%s::regclass[]))"
    )
    assert ask(foreign, names, names) == []


def test_nobody_gets_around_a_policy_through_a_partition(catalog):
    """A grant on a partition would go past the policies of the whole: the program's roles have none."""
    ask, roles = catalog
    rows = ask(
        "select relname, grantee::regrole::text from pg_class, aclexplode(relacl)"
        " where relispartition and grantee::regrole::text = any(%s)",
        list(roles),
    )
    assert rows == []


def test_no_policy_asks_another_table(catalog):
    """Policies look at their own row only: Citus refuses those with sub-selects."""
    ask, _ = catalog
    rows = ask("select tablename, policyname from pg_policies where concat(qual, with_check) ilike '%%select%%'")
    assert rows == []


@pytest.mark.parametrize("table", ["school", "agent", "report", "measurement", "speed_test"])
def test_who_does_not_say_who_it_is_sees_nothing(database, add_school, table):
    """A forgotten filter shows nothing rather than everything."""
    add_school("1")
    with database.reading(Viewer("nobody")) as connection:  # type: ignore[arg-type]  # a role that does not exist
        assert connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "update school set name = 'x'",
        "delete from report",
        "insert into access_token (token_sha256, name, role) values ('x', 'x', 'admin')",
        "select * from role_secret",
        "select * from enrollment_token",
        "set role postgres",
        "create table mine (a integer)",
    ],
)
def test_the_query_role_can_only_read(database_url, database, statement):
    """Whatever slips into a query, it changes nothing and reads no secret."""
    query, _ = schema.role_conninfo(database_url)
    with psycopg.connect(query) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from report",
        "update report set payload = ''",
        "update school set name = 'x'",
        "select * from role_secret",
    ],
)
def test_the_ingest_role_cannot_change_what_is_stored(database, statement):
    """Reports are written once: even a fault in ingest cannot alter or remove one."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.ingesting() as connection:
        connection.execute(statement)
