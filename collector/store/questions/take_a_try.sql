-- One try is taken before the password is looked at, so that parallel guesses of several processes cannot outrun the
-- count. Whoever still has to wait, or has failed too often, changes no row. The wait doubles with each further failure.
insert into login_wait as held (kind, key_sha256, failures, failed_at, until)
values (%(kind)s, %(key_sha256)s, 1, %(now)s, %(now)s)
on conflict (kind, key_sha256) do update set
    failures = held.failures + 1,
    failed_at = excluded.failed_at,
    until = case when held.failures < %(free)s then excluded.failed_at
        else excluded.failed_at + make_interval(
            secs => least(%(longest_s)s::double precision, power(2, least(held.failures - %(free)s + 1, 30))))
        end
where held.until <= excluded.failed_at and held.failures < %(most)s
