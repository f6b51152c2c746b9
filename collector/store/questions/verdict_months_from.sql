-- The months, by the school's clock, in which a computer made the reports from one number on.
select distinct to_char(created_at at time zone %(zone)s, 'YYYY-MM') from report
where school_id = %(school_id)s and agent_id = %(agent_id)s and sequence >= %(sequence)s
    and created_at between %(now)s::timestamptz - interval '1 year' and %(now)s::timestamptz + interval '1 day'
