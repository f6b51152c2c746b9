insert into notice_subscriber (
    subscriber_id, name, role, scope, channel, address, kinds, secret, author, held_by, holder,
    created_at
)
values (
    %(id)s, %(name)s, %(role)s, %(scope)s, %(channel)s, %(address)s, %(kinds)s, %(secret)s, %(author)s,
    %(held_by)s, %(holder)s, %(created_at)s
)
