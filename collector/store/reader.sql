-- What a reader sees of a table that holds schools' data. It says who it is with
-- set_config('netready.role' and 'netready.scope', ..., true) in each transaction; one that forgets sees nothing.
-- No sub-selects: Citus refuses them in policies.
drop policy if exists reader on {table};
create policy reader on {table} for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id = current_setting('netready.scope', true)
        when 'operator' then operator = current_setting('netready.scope', true)
        when 'school' then school_id = current_setting('netready.scope', true)
        else false
    end
);
