-- Operators judge lines, not computers, and regions schools: the list of a school's computers is not theirs to see.
drop policy if exists reader on {table};
create policy reader on {table} for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'school' then school_id = current_setting('netready.scope', true)
        else false
    end
);
