select school_id from enrollment_token where token_sha256 = %(token_sha256)s
