insert into server_load (server, lease_id, reserved_bps, ends_at)
values (%(server)s, %(lease_id)s, %(reserved_bps)s, %(ends_at)s)
on conflict do nothing
