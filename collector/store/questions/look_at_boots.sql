-- What came in between two moments, added to what is known of each boot. Each report is looked at once.
with fresh as (
    select school_id, agent_id, boot_id, sequence, monotonic_s, received_at, created_at,
        lag(monotonic_s) over (partition by school_id, agent_id, boot_id order by sequence) as before_s
    from report
    where received_at > %(since)s and received_at <= %(until)s
),
boots as (
    select school_id, agent_id, boot_id,
        min(sequence) as first_sequence,
        max(sequence) as last_sequence,
        (array_agg(monotonic_s order by sequence))[1] as first_monotonic_s,
        (array_agg(monotonic_s order by sequence desc))[1] as last_monotonic_s,
        count(*) filter (where monotonic_s < before_s) as went_back,
        min(received_at) as first_at,
        max(received_at) as last_at,
        (array_agg(received_at order by sequence desc))[1] as newest_at
    from fresh
    group by school_id, agent_id, boot_id
),
told as (
    select boots.*, created_at, convert_from(payload, 'UTF8')::json as said
    from boots
    join report on report.school_id = boots.school_id and report.agent_id = boots.agent_id
        and report.sequence = boots.last_sequence and report.received_at = boots.newest_at
)
insert into agent_boot as known (
    school_id, agent_id, boot_id, first_sequence, last_sequence, first_monotonic_s, last_monotonic_s, went_back,
    first_at, last_at, created_at, waiting, dropped
)
select school_id, agent_id, boot_id, first_sequence, last_sequence, first_monotonic_s, last_monotonic_s, went_back,
    first_at, last_at, created_at, (said ->> 'waiting')::numeric, (said ->> 'dropped')::numeric
from told
on conflict (school_id, agent_id, boot_id) do update
set went_back = least(
        1000000,
        known.went_back + excluded.went_back + case
            when excluded.first_sequence > known.last_sequence
                and excluded.first_monotonic_s < known.last_monotonic_s then 1
            else 0
        end
    ),
    first_sequence = least(known.first_sequence, excluded.first_sequence),
    last_sequence = greatest(known.last_sequence, excluded.last_sequence),
    first_monotonic_s = excluded.first_monotonic_s,
    last_monotonic_s = case
        when excluded.last_sequence > known.last_sequence then excluded.last_monotonic_s
        else known.last_monotonic_s
    end,
    first_at = least(known.first_at, excluded.first_at),
    last_at = greatest(known.last_at, excluded.last_at),
    created_at = case
        when excluded.last_sequence > known.last_sequence then excluded.created_at else known.created_at
    end,
    waiting = case when excluded.last_sequence > known.last_sequence then excluded.waiting else known.waiting end,
    dropped = case when excluded.last_sequence > known.last_sequence then excluded.dropped else known.dropped end
