select number, origin, public_key, size, begun_at, ended_at, reason, stopped, before from log
where %(number)s::integer is null or number = %(number)s
order by number
