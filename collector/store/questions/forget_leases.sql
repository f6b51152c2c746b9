delete from lease where granted_at < %(before)s and ends_at < %(before)s
