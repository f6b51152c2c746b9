-- Contracts, exclusions and disputes: read through policies, added by the role that stores, changed and removed by none
-- of the program's roles. Who an exclusion is shown to may widen: an operator that comes to a line sees what is known.
grant select on contract, exclusion, dispute_step, dispute_file to {query};
grant select, insert on contract, exclusion, dispute_step, dispute_file to {ingest};
grant update (operators) on exclusion to {ingest};

drop policy if exists taker on contract;
create policy taker on contract to {ingest} using (true) with check (true);
drop policy if exists taker on exclusion;
create policy taker on exclusion to {ingest} using (true) with check (true);
drop policy if exists taker on dispute_step;
create policy taker on dispute_step to {ingest} using (true) with check (true);
drop policy if exists taker on dispute_file;
create policy taker on dispute_file to {ingest} using (true) with check (true);

-- What holds for a region or the country is no secret there; of other operators' works an operator is told nothing.
drop policy if exists reader on exclusion;
create policy reader on exclusion for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id in ('', current_setting('netready.scope', true))
        when 'operator' then current_setting('netready.scope', true) = any(operators)
            or (school_id = '' and operators = '{{}}')
        when 'school' then school_id in ('', current_setting('netready.scope', true))
        else false
    end
);
