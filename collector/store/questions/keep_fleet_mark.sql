insert into fleet_mark (looked_to, judged_at) values (%(looked_to)s, %(judged_at)s)
on conflict (only_one) do update set looked_to = excluded.looked_to, judged_at = excluded.judged_at
