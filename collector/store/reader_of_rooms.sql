-- Operators judge lines: what is inside a school, room by room, is the school's, its region's and the ministry's matter.
drop policy if exists reader on {table};
create policy reader on {table} for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id = current_setting('netready.scope', true)
        when 'school' then school_id = current_setting('netready.scope', true)
        else false
    end
);
