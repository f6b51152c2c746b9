-- Who may cosign, and of each what it cosigned last of a log.
select name, key, added_at, ended_at, newest.size, newest.at
from witness
left join (
    select distinct on (witness) witness, size, at from cosignature where log = %(log)s order by witness, size desc
) as newest on newest.witness = witness.name
order by name
