insert into peer_key (school_id, key)
values (%(school_id)s, %(key)s)
on conflict (school_id) do nothing
