insert into notice_subscriber (
    subscriber_id, name, role, scope, channel, address, kinds, secret, author, created_at
)
values (
    %(id)s, %(name)s, %(role)s, %(scope)s, %(channel)s, %(address)s, %(kinds)s, %(secret)s, %(author)s, %(created_at)s
)
