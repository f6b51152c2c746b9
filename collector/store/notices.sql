-- Notices. Events and deliveries are made by the owner's jobs; people add subscribers and end them, and ask for a test.
-- Nobody but the owner reads a secret.
grant select on notice_event, notice_delivery to {query};
grant select (
    subscriber_id, name, role, scope, channel, address, kinds, author, held_by, holder, created_at, ended_at, ended_why
)
    on notice_subscriber to {query};
grant select (
    subscriber_id, name, role, scope, channel, address, kinds, author, held_by, holder, created_at, ended_at, ended_why
)
    on notice_subscriber to {ingest};
grant insert on notice_subscriber, notice_delivery to {ingest};
grant update (ended_at, ended_why) on notice_subscriber to {ingest};

drop policy if exists taker on notice_subscriber;
create policy taker on notice_subscriber to {ingest} using (true) with check (true);
drop policy if exists taker on notice_delivery;
create policy taker on notice_delivery for insert to {ingest} with check (true);

drop policy if exists reader on notice_subscriber;
create policy reader on notice_subscriber for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        else role = current_setting('netready.role', true) and scope = current_setting('netready.scope', true)
    end
);
drop policy if exists reader on notice_delivery;
create policy reader on notice_delivery for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        else role = current_setting('netready.role', true) and scope = current_setting('netready.scope', true)
    end
);
