-- A school's computers by their newest look at their own link, surveys apart: those are carried around.
select distinct on (sighting.agent_id) sighting.agent_id, medium, link_speed_bps
from sighting
join agent on agent.school_id = sighting.school_id and agent.agent_id = sighting.agent_id
where sighting.school_id = %(school_id)s and measured_at >= %(since)s and received_at >= %(since)s
    and not is_survey and medium is not null and revoked_at is null and ended_at is null
order by sighting.agent_id, measured_at desc
