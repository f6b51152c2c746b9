-- Schools whose diagnosis lacks tests over a cable and Wi-Fi in the same minute, and that were not asked for any since.
select school_id
from school_finding as found
where period = %(period)s and ranking = 'causes' and operator = '' and (body ->> 'wants_pair')::boolean
    and not exists (
        select from test_order as earlier
        where earlier.school_id = found.school_id and earlier.kind = 'pair' and earlier.at >= %(since)s
    )
order by random()
limit %(limit)s
