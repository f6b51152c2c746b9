insert into verdict (
    school_id, line, month, operator, version, region_id, synthetic, state, is_recurring, chance, judged_at, body,
    sha256, facts
)
values (
    %(school_id)s, %(line)s, %(month)s, %(operator)s, %(version)s, %(region_id)s, %(synthetic)s, %(state)s,
    %(is_recurring)s, %(chance)s, %(judged_at)s, %(body)s, %(sha256)s, %(facts)s
)
on conflict (school_id, line, month, operator, version) do update
    set region_id = excluded.region_id, synthetic = excluded.synthetic, state = excluded.state,
        is_recurring = excluded.is_recurring, chance = excluded.chance, judged_at = excluded.judged_at,
        body = excluded.body, sha256 = excluded.sha256, facts = excluded.facts
    where verdict.version = 0
