"""What a database over several machines (Citus) needs: agents found and locked without asking each of them."""

from alembic import op

revision = "0009"
down_revision = "0008"

# A row an enrolment, kept where the collector connects when the other tables are spread over machines: a delivery knows
# its agents and not their schools, and locks its agents here.
PLACES = """
create table agent_place (
    school_id text not null,
    agent_id text not null,
    primary key (school_id, agent_id)
);
create index agent_place_by_id on agent_place (agent_id);
insert into agent_place (school_id, agent_id) select school_id, agent_id from agent;
drop index agent_by_id;
"""

# Any reader may know that something waits, and not whose. Functions: a view's rights end at the machine it is on.
WAITING = """
create function days_waiting(most integer) returns bigint
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return (select count(*) from (select 1 from dirty_day limit most) as few);
end
$$;
create function findings_waiting(wanted text, most integer) returns bigint
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return (
        select count(*)
        from (select 1 from finding_due where period = wanted and not_before <= now() limit most) as few
    );
end
$$;
revoke execute on function days_waiting, findings_waiting from public;
drop view day_waits, finding_waits;
"""


def upgrade() -> None:
    """Make the table and the functions."""
    for statements in (PLACES, WAITING):
        op.execute(statements)
