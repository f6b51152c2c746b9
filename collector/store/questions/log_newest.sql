select number, origin, public_key, size, begun_at, ended_at, reason, stopped, before from log order by number desc limit 1
