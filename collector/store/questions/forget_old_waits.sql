-- An address belongs to somebody else tomorrow; failures of an account count until it is used again, or for a month.
-- Rows that somebody is counting in right now are left for the next time, so that nobody waits for anybody.
delete from login_wait using (
    select kind, key_sha256 from login_wait
    where failed_at < %(now)s - case kind when 'address' then interval '1 day' else interval '30 days' end
    for update skip locked
) old where login_wait.kind = old.kind and login_wait.key_sha256 = old.key_sha256
