delete from waiting_record where received_at < %(before)s
