-- Who made tokens, where the audit log names them: not those of before it did, nor those of the command line.
select distinct on (detail ->> 'token') detail ->> 'token', who from audit_entry
where about = any(%(about)s) and detail ->> 'token' = any(%(marks)s)
order by detail ->> 'token', entry_id
