select content from dispute_file where school_id = %(school_id)s and dispute_id = %(id)s and sha256 = %(sha256)s
