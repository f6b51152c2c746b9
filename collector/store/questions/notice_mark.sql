select begun_at, looked_to from notice_mark
