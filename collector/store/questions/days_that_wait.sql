select school_id, day, since from dirty_day order by since, school_id, day limit %(limit)s
