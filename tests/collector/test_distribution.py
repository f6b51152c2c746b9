"""Tables over several machines: refused where there are none, every table fit for it. The real thing: tests.citus."""

import psycopg
import pytest

from collector.cli import main
from collector.errors import DatabaseError
from collector.store import distribution


@pytest.fixture
def catalog(database_url, database):
    """Ask the catalog of a migrated database as its owner."""
    with psycopg.connect(database_url) as connection:
        yield lambda text, *values: connection.execute(text, values).fetchall()


def test_without_citus_it_is_refused(database, database_url):
    """The sentence says what to install and what to run there; nothing was changed."""
    with pytest.raises(DatabaseError, match="create extension citus"):
        database.distribute(4)
    with psycopg.connect(database_url) as connection:
        assert not distribution.is_laid_out(connection)


@pytest.mark.parametrize("shards", ["0", "1025"])
def test_a_number_of_shards_that_makes_no_sense(tmp_path, capsys, shards):
    """It is refused before anything is looked at."""
    assert main(["db", "distribute", "--shards", shards, "--data", str(tmp_path)]) == 2
    assert "--shards" in capsys.readouterr().err


def test_every_foreign_key_leads_to_the_same_machine(catalog):
    """A school's rows refer to that school's own rows, or to what is on every machine; what is there to the like."""
    rows = catalog(
        "select one.relname, other.relname,"
        " exists (select from pg_attribute where attrelid = one.oid and attname = 'school_id'),"
        " exists (select from pg_attribute where attrelid = other.oid and attname = 'school_id')"
        " from pg_constraint join pg_class as one on one.oid = conrelid join pg_class as other on other.oid = confrelid"
        " where contype = 'f'"
    )
    wrong = [
        (one, other)
        for one, other, names_school, other_names_school in rows
        if other not in distribution.EVERYWHERE
        and (
            one in distribution.EVERYWHERE
            or (names_school and (not other_names_school or other in distribution.AT_HOME))
        )
    ]
    assert ("peer", "agent") in {(one, other) for one, other, *_ in rows}
    assert wrong == []


def test_every_exception_is_a_table(catalog):
    """A name in the list that no table has would hide one that was renamed."""
    names = [*distribution.EVERYWHERE, *distribution.AT_HOME]
    assert catalog("select count(*) from pg_tables where schemaname = 'public' and tablename = any(%s)", names) == [
        (len(names),)
    ]
