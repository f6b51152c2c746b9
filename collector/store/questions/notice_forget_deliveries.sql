delete from notice_delivery where created_at < %(before)s and state <> 'waiting'
