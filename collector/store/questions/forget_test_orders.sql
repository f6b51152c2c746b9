-- A pause holds until somebody ends it, however old.
delete from test_order
where at < %(before)s and (done_at < %(before)s or (kind <> 'pause' and until < %(before)s))
