update enrollment_token set expires_at = %(now)s
where school_id = %(school_id)s and expires_at > %(now)s and encode(substring(token_sha256 for 8), 'hex') = %(mark)s
