select school_id, merged_into from school
