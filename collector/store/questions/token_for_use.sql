select school_id, uses, used, expires_at
from enrollment_token
where school_id = %(school_id)s and token_sha256 = %(token_sha256)s
for update
