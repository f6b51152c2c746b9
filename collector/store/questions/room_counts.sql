select school_id, count(*) from room
where school_id = any(%(schools)s)
group by school_id
