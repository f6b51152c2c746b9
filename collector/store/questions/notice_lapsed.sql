-- Subscriptions whose holder's access is gone, or shows something else now.
select subscriber_id as id, subscriber.name, held_by, holder, subscriber.role, nullif(subscriber.scope, '') as scope,
    account.name is not null and account.disabled_at is null as has_account
from notice_subscriber as subscriber
left join account on held_by = 'account' and account.name = holder
where subscriber.ended_at is null and (
    held_by = 'account' and (
        account.name is null or account.disabled_at is not null or account.role <> subscriber.role
        or coalesce(account.scope, '') <> subscriber.scope
    )
    or held_by = 'token' and not exists (
        select from access_token
        where access_token.name = holder and access_token.role = subscriber.role
            and coalesce(access_token.scope, '') = subscriber.scope and 'notices' = any(rights) and revoked_at is null
            and (expires_at is null or expires_at > %(now)s)
    )
)
order by subscriber_id
