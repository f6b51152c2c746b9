insert into receipt_key (key_id, public_key, made_at) values (%(key_id)s, %(public_key)s, %(made_at)s)
on conflict do nothing
