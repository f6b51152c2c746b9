delete from server_record where received_at < %(before)s
