select count(*), min(at) from (select at from log_pending order by at, school_id, id limit %(most)s) as waiting
