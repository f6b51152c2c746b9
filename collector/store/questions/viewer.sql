-- Who is asking, and in which database of which server: what differs in one of these may not share an answer.
select current_setting('netready.role', true), current_setting('netready.scope', true), current_database()::text,
    (select pg_postmaster_start_time()::text)
