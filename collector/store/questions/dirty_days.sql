select count(*), coalesce(extract(epoch from now() - min(since)), 0)::double precision from dirty_day
