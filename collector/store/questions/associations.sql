-- How the computers of each school were connected in a span of time: over which network, to which router.
select school_id, agent_id, medium, ssid_hex, gateway, gateway_digest, bool_or(is_survey) as surveyed
from sighting
where measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
    and medium in ('ethernet', 'wifi')
    and (%(school_id)s::text is null or school_id = %(school_id)s)
group by school_id, agent_id, medium, ssid_hex, gateway, gateway_digest
order by school_id, agent_id, medium, ssid_hex, gateway, gateway_digest
