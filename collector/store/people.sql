-- What the role that knows people may do: accounts, sessions and tokens. Of schools it sees nothing.
-- Entries of the audit log it adds; nobody changes or removes one.
grant connect on database {database} to {people};
grant usage on schema public to {people};
grant select, insert, update on account to {people};
grant select, insert, update, delete on login_session, login_wait to {people};
grant select, insert, delete on recovery_code to {people};
grant select, insert on access_token to {people};
grant update (revoked_at, last_used_at) on access_token to {people};
grant insert on audit_entry to {people};
drop policy if exists taker on audit_entry;
create policy taker on audit_entry for insert to {people} with check (true);

-- Who may look at what others looked at.
grant select on audit_entry to {query};
drop policy if exists reader on audit_entry;
create policy reader on audit_entry for select to {query} using (
    current_setting('netready.role', true) in ('ministry', 'auditor', 'admin')
);
