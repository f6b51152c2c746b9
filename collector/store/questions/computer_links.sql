-- For every computer with a look at its own link in the period (surveys apart: those are carried around): the newest
-- link, its counters together, and the typical signal over its looks on Wi-Fi; the lower median, -111 dBm for none.
with look as (
    select *, row_number() over (partition by school_id, agent_id order by measured_at desc, sequence desc) as back
    from sighting
    where measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s and not is_survey
        and (%(school_id)s::text is null or school_id = %(school_id)s)
)
select school_id, agent_id,
    max(medium) filter (where back = 1) as medium,
    max(link_speed_bps) filter (where back = 1) as link_speed_bps,
    max(duplex) filter (where back = 1) as duplex,
    sum(packets)::bigint as packets,
    sum(errors)::bigint as errors,
    percentile_disc(0.5) within group (order by own_dbm) filter (where medium = 'wifi') as own_dbm
from look
where back <= 20
group by school_id, agent_id
order by school_id, agent_id
