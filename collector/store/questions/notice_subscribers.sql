select subscriber_id as id, name, role, nullif(scope, '') as scope, channel, address, kinds, author, held_by, holder,
    created_at, ended_at, ended_why
from notice_subscriber
where (%(id)s::text is null or subscriber_id = %(id)s) and (%(ended)s or ended_at is null)
order by created_at, subscriber_id
