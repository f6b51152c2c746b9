insert into policy_change (scope, version, region_id, school_id, author, role, at, note, body)
select %(scope)s, coalesce(max(version), 0) + 1, %(region_id)s, %(school_id)s, %(author)s, %(role)s, %(at)s, %(note)s,
    %(body)s
from policy_change
where scope = %(scope)s
returning scope, version, number, author, role, at, note, body
