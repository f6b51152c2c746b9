-- The log. Whoever stores a thing lets it wait for its place; the owner's job gives the places. What there is of the
-- tree is hashes only: everybody may see it, and what an entry says only those whom it concerns.
grant insert on log_pending to {ingest};
grant select on log, log_tile, checkpoint, witness, cosignature, receipt_key, log_entry to {query};
grant select on log, checkpoint, witness to {ingest};
grant select, insert on cosignature, receipt_key to {ingest};

drop policy if exists taker on log_pending;
create policy taker on log_pending for insert to {ingest} with check (true);

drop policy if exists reader on log_entry;
create policy reader on log_entry for select to {query} using (
    case current_setting('netready.role', true)
        when 'ministry' then true
        when 'auditor' then true
        when 'admin' then true
        when 'region' then region_id = current_setting('netready.scope', true) or (school_id = '' and operator = '')
        when 'operator' then operator = current_setting('netready.scope', true) or (school_id = '' and operator = '')
        when 'school' then school_id = current_setting('netready.scope', true) or (school_id = '' and operator = '')
        else false
    end
);
