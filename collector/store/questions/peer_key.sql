select key
from peer_key
where school_id = %(school_id)s
