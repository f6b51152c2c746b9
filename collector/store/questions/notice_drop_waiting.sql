update notice_delivery set state = 'dead', outcome = %(outcome)s
where state = 'waiting' and subscriber_id <> all(%(kept)s)
