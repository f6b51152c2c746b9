-- Once a minute is often enough to see that a token is in use, and spares a write for each question.
update access_token set last_used_at = %(now)s
where token_sha256 = %(token_sha256)s and (last_used_at is null or last_used_at < %(now)s - interval '1 minute')
