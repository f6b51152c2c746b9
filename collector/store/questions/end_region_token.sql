update region_token set expires_at = %(now)s
where expires_at > %(now)s and encode(substring(token_sha256 for 8), 'hex') = %(mark)s
