-- Judged periods stand once for the whole school (operator '') and once for each operator as it may see the school.
-- What only the whole school's row says (its rooms) no operator sees.
drop policy if exists reader on {table};
create policy reader on {table} for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id = current_setting('netready.scope', true)
        when 'operator' then operator <> '' and operator = current_setting('netready.scope', true)
        when 'school' then school_id = current_setting('netready.scope', true)
        else false
    end
);
