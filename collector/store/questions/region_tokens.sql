-- Tokens of regions that still enrol, the newest first.
select region_id, uses, used, created_at, expires_at, encode(substring(token_sha256 for 8), 'hex') as mark
from region_token
where used < uses and expires_at > %(now)s
order by created_at desc, token_sha256
