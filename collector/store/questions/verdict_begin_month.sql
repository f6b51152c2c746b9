insert into verdict_month (month, begun_at) values (%(month)s, %(now)s) on conflict (month) do nothing
