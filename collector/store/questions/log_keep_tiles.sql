insert into log_tile (log, level, number, hashes)
select %(log)s, * from unnest(%(level)s, %(number)s, %(hashes)s)
on conflict (log, level, number) do update set hashes = excluded.hashes
