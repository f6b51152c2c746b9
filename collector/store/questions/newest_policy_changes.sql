-- The version of each scope that held at a moment; of all scopes where none is named.
select distinct on (scope) scope, version, number, author, role, at, note, body
from policy_change
where (%(scopes)s::text[] is null or scope = any(%(scopes)s))
    and (%(until)s::timestamptz is null or at <= %(until)s)
order by scope, version desc
