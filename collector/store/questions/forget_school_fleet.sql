delete from school_fleet where school_id in (select school_id from school where closed_on is not null)
