select key_id, public_key, made_at from receipt_key order by made_at, key_id
