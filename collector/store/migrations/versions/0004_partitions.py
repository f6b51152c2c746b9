"""Growing tables in partitions of a month (UTC) of ``received_at``; each agent's newest report beside its key.

A partition holds what was received in its month, so that old ones can be taken out whole. What was measured is never
later than what was received: a question with ``received_at >= start`` beside its own condition skips older partitions.
No foreign keys between these tables: ingest checks under the agent's lock, and a check for each row costs.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

AGENTS = """
alter table agent add column highest_sequence bigint not null default 0, add column head_sha256 bytea;
-- Each delivery touches its agent's row: room on the page keeps that off the indexes.
alter table agent set (fillfactor = 70);
update agent set highest_sequence = newest.sequence, head_sha256 = newest.payload_sha256
from (
    select distinct on (school_id, agent_id) school_id, agent_id, sequence, payload_sha256
    from report
    order by school_id, agent_id, sequence desc
) as newest
where agent.school_id = newest.school_id and agent.agent_id = newest.agent_id;
"""

TABLES = """
create table new_report (like report) partition by range (received_at);
create table new_measurement (like measurement, received_at timestamptz not null) partition by range (received_at);
create table new_speed_test (like speed_test, received_at timestamptz not null) partition by range (received_at);
create table new_sighting (like sighting, received_at timestamptz not null) partition by range (received_at);
create table report_other partition of new_report default;
create table measurement_other partition of new_measurement default;
create table speed_test_other partition of new_speed_test default;
create table sighting_other partition of new_sighting default;
"""

# From the month of the oldest report to three months ahead; collector.maintenance goes on from there.
PARTITIONS = """
do $$
declare
    grown text;
    month timestamp;
    last timestamp := date_trunc('month', now() at time zone 'UTC') + interval '3 months';
begin
    foreach grown in array array['report', 'measurement', 'speed_test', 'sighting'] loop
        month := date_trunc('month', coalesce((select min(received_at) from report), now()) at time zone 'UTC');
        while month <= last loop
            execute format(
                'create table %I partition of %I for values from (%L) to (%L)', grown || to_char(month, '_YYYY_MM'),
                'new_' || grown, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC'
            );
            month := month + interval '1 month';
        end loop;
    end loop;
end
$$;
"""

ROWS = """
insert into new_report select * from report;
insert into new_measurement
    select measurement.*, received_at from measurement join report using (school_id, agent_id, sequence);
insert into new_speed_test
    select speed_test.*, received_at from speed_test join report using (school_id, agent_id, sequence);
insert into new_sighting
    select sighting.*, received_at from sighting join report using (school_id, agent_id, sequence);
drop table sighting, speed_test, measurement, report;
alter table new_report rename to report;
alter table new_measurement rename to measurement;
alter table new_speed_test rename to speed_test;
alter table new_sighting rename to sighting;
"""

INDEXES = """
alter table report add primary key (school_id, agent_id, sequence, received_at);
alter table measurement add primary key (school_id, agent_id, sequence, position, received_at);
alter table speed_test add primary key (school_id, agent_id, sequence, position, received_at);
alter table sighting add primary key (school_id, agent_id, sequence, received_at);
create index report_by_time on report using brin (received_at);
create index measurement_by_school_and_time on measurement (school_id, measured_at);
create index measurement_by_time on measurement using brin (measured_at);
create index speed_test_by_school_and_time on speed_test (school_id, measured_at);
create index speed_test_by_time on speed_test using brin (measured_at);
create index sighting_by_school_and_time on sighting (school_id, measured_at);
create index sighting_by_time on sighting using brin (measured_at);
"""


def upgrade() -> None:
    """Make the tables anew, and move what is stored into them."""
    for statements in (AGENTS, TABLES, PARTITIONS, ROWS, INDEXES):
        op.execute(statements)
