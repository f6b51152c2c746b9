select peer.agent_id, address, port
from peer
join agent on agent.school_id = peer.school_id and agent.agent_id = peer.agent_id
where peer.school_id = %(school_id)s and seen_at >= %(since)s and revoked_at is null and ended_at is null
order by seen_at desc
limit %(most)s
