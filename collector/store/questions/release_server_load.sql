delete from server_load where server = %(server)s and lease_id = %(lease_id)s
