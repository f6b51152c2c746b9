-- What the program's two roles may do. Run after every migration; running it again changes nothing.
-- What a reader sees of each table stands in reader.sql, reader_of_agents.sql and reader_of_rooms.sql.

grant connect on database {database} to {query}, {ingest};
grant usage on schema public to {query}, {ingest};

grant select on region, access_token, boundary, boundary_source to {query};
grant select on school, agent, report, measurement, speed_test, room, sighting to {query};
grant select on school_day, school_month, school_period, school_history, period_prior, school_finding to {query};
grant execute on function days_waiting, findings_waiting to {query};

grant select on region, school, enrollment_token, agent, agent_place, report, room, sighting to {ingest};
grant insert on agent, agent_place, report, measurement, speed_test, room, sighting to {ingest};
grant update (used) on enrollment_token to {ingest};
grant update (floor) on room to {ingest};
grant select, insert on peer_key, peer to {ingest};
grant update (address, port, seen_at) on peer to {ingest};
grant update (room, software, last_seen_at, token_sha256, highest_sequence, head_sha256, forked_from) on agent to {ingest};
grant update (machine, recovery_sha256, succeeds, computer_id, ended_at, ended_by) on agent to {ingest};
grant select on region_token to {ingest};
grant update (used) on region_token to {ingest};
grant update (school_id) on agent_place to {ingest};  -- to lock a row
grant select, insert on dirty_day to {ingest};

-- Policies, orders and leases. People's changes are made here too, after their rights were looked at; the log of them
-- and the versions before them nobody can change.
grant select on policy_change, test_order, lease to {query};
grant select, insert on policy_change, test_order, lease, lease_turn, test_server to {ingest};
grant select, insert, delete on lease_wait, server_load to {ingest};
grant select on school_day to {ingest};
grant insert on audit_entry to {ingest};
grant update (done_at) on test_order to {ingest};
grant update (released_at) on lease to {ingest};
grant update (school_id) on lease_turn to {ingest};  -- to lock a row
grant update (lease_id, since, due_at, seconds) on lease_wait to {ingest};
grant update (server) on test_server to {ingest};  -- to lock a row

-- How the fleet is; a refused number is noted by whoever refuses it.
grant select on computer_health, school_fleet, fleet_mark to {query};
grant select, insert on agent_conflict to {ingest};
grant update (first_sequence, last_sequence, refused, last_at) on agent_conflict to {ingest};

-- Every table that names a school, its partitions too: a grant on a partition would go past the policy of the whole.
do $$
declare
    wanted regclass;
begin
    for wanted in
        select pg_class.oid from pg_class
        join pg_attribute on attrelid = pg_class.oid and attname = 'school_id'
        where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and not relrowsecurity
    loop
        execute format('alter table %s enable row level security', wanted);
    end loop;
end
$$;

drop policy if exists taker on school;
create policy taker on school for select to {ingest} using (true);
drop policy if exists taker on enrollment_token;
create policy taker on enrollment_token to {ingest} using (true) with check (true);
drop policy if exists taker on agent;
create policy taker on agent to {ingest} using (true) with check (true);
drop policy if exists taker on agent_place;
create policy taker on agent_place to {ingest} using (true) with check (true);
drop policy if exists taker on report;
create policy taker on report to {ingest} using (true) with check (true);
drop policy if exists taker on measurement;
create policy taker on measurement for insert to {ingest} with check (true);
drop policy if exists taker on speed_test;
create policy taker on speed_test for insert to {ingest} with check (true);
drop policy if exists taker on room;
create policy taker on room to {ingest} using (true) with check (true);
drop policy if exists taker on sighting;
create policy taker on sighting to {ingest} using (true) with check (true);
drop policy if exists taker on peer_key;
create policy taker on peer_key to {ingest} using (true) with check (true);
drop policy if exists taker on peer;
create policy taker on peer to {ingest} using (true) with check (true);
drop policy if exists taker on dirty_day;
create policy taker on dirty_day to {ingest} using (true) with check (true);

-- What holds for the country or a region is no secret; what was changed for a school is its own, its region's and the
-- ministry's.
drop policy if exists reader on policy_change;
create policy reader on policy_change for select to {query} using (
    school_id = '' or case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id = current_setting('netready.scope', true)
        when 'school' then school_id = current_setting('netready.scope', true)
        else false
    end
);
drop policy if exists taker on policy_change;
create policy taker on policy_change to {ingest} using (true) with check (true);
drop policy if exists taker on test_order;
create policy taker on test_order to {ingest} using (true) with check (true);
drop policy if exists taker on lease;
create policy taker on lease to {ingest} using (true) with check (true);
drop policy if exists taker on lease_turn;
create policy taker on lease_turn to {ingest} using (true) with check (true);
drop policy if exists taker on lease_wait;
create policy taker on lease_wait to {ingest} using (true) with check (true);
drop policy if exists taker on school_day;
create policy taker on school_day for select to {ingest} using (true);
drop policy if exists order_keeper on audit_entry;
create policy order_keeper on audit_entry for insert to {ingest} with check (true);
drop policy if exists taker on agent_conflict;
create policy taker on agent_conflict to {ingest} using (true) with check (true);
