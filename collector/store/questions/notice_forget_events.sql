delete from notice_event where at < %(before)s and kind not in ('school.silent', 'school.heard')
