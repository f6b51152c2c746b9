-- Every school with a contract, for a month that ends.
insert into dirty_verdict (school_id, month, marked_at, due_at)
select school_id, %(month)s, %(now)s, %(now)s from contract where valid_from <= %(last)s group by school_id
on conflict (school_id, month) do update
    set marked_at = greatest(dirty_verdict.marked_at, excluded.marked_at), due_at = excluded.due_at
