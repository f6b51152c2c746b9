insert into dispute_file (school_id, dispute_id, sha256, region_id, operator, content)
values (%(school_id)s, %(dispute_id)s, %(sha256)s, %(region_id)s, %(operator)s, %(content)s)
on conflict do nothing
