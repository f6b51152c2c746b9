select scope, version, number, author, role, at, note, body
from policy_change
where scope = %(scope)s
order by version desc
