-- What the program's two roles may do. Run after every migration; running it again changes nothing.
-- What a reader sees of each table stands in reader.sql, reader_of_agents.sql and reader_of_rooms.sql.

grant connect on database {database} to {query}, {ingest};
grant usage on schema public to {query}, {ingest};

grant select on region, access_token to {query};
grant select on school, agent, report, measurement, speed_test, room, sighting to {query};
grant select on school_day, school_month, school_period, school_history, period_prior to {query};

grant select on region, school, enrollment_token, agent, report, room, sighting to {ingest};
grant insert on agent, report, measurement, speed_test, room, sighting to {ingest};
grant update (used) on enrollment_token to {ingest};
grant update (floor) on room to {ingest};
grant select, insert on peer_key, peer to {ingest};
grant update (address, port, seen_at) on peer to {ingest};
grant update (room, software, last_seen_at, token_sha256) on agent to {ingest};
grant select, insert on dirty_day to {ingest};

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
