-- What is known of a key only grows worse: a stolen one is never good again.
update agent set distrusted_from = least(distrusted_from, %(since)s), revoked_at = coalesce(revoked_at, %(now)s)
where agent_id = %(agent_id)s
returning school_id, public_key
