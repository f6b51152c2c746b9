-- Tokens that still enrol, the newest first.
select token.school_id, name, region_id, uses, used, created_at, expires_at,
    encode(substring(token_sha256 for 8), 'hex') as mark
from enrollment_token as token
join school on school.school_id = token.school_id
where used < uses and expires_at > %(now)s
    and (%(school_id)s::text is null or token.school_id = %(school_id)s)
order by created_at desc, token_sha256
limit %(limit)s
