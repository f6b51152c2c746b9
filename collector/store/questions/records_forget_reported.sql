delete from reported_test where received_at < %(before)s
