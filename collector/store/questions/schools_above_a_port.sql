-- Schools that need more than one port of the least useful rate carries, and were not asked to test together since.
select school_id
from school_period as found
where period = %(period)s and operator = '' and required_download_bps > %(carried_bps)s
    and not exists (
        select from test_order as earlier
        where earlier.school_id = found.school_id and earlier.kind = 'joint' and earlier.at >= %(since)s
    )
order by random()
limit %(limit)s
