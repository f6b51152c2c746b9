insert into notice_mark (begun_at, looked_to) values (%(looked_to)s, %(looked_to)s)
on conflict (only_one) do update set looked_to = excluded.looked_to
