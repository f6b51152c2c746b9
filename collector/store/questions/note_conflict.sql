insert into agent_conflict as known (
    school_id, agent_id, boot_id, first_sequence, last_sequence, refused, first_at, last_at
)
values (%(school_id)s, %(agent_id)s, %(boot_id)s, %(sequence)s, %(sequence)s, 1, %(at)s, %(at)s)
on conflict (school_id, agent_id, boot_id) do update
set first_sequence = least(known.first_sequence, excluded.first_sequence),
    last_sequence = greatest(known.last_sequence, excluded.last_sequence),
    refused = least(known.refused + 1, 1000000),
    last_at = greatest(known.last_at, excluded.last_at)
