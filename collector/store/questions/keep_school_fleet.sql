with versions as (
    select school_id, jsonb_object_agg(software, computers) as versions
    from (
        select school_id, software, count(*) as computers
        from computer_health
        where software is not null
        group by school_id, software
    ) as counted
    group by school_id
),
counted as (
    select school.school_id, school.region_id, school.synthetic,
        count(agent_id) as computers,
        count(*) filter (where state = 'live') as live,
        count(*) filter (where state = 'at_risk') as at_risk,
        count(*) filter (where state = 'silent') as silent,
        count(*) filter (where state = 'never_reported') as never_reported,
        count(*) filter (where identity = 'restored') as restored,
        count(*) filter (where identity = 'copied') as copied,
        count(*) filter (where is_delayed) as delayed,
        coalesce(min(days) filter (where state <> 'never_reported'), min(days)) as days
    from school
    left join computer_health on computer_health.school_id = school.school_id
    where closed_on is null
    group by school.school_id
)
insert into school_fleet as known (
    school_id, region_id, state, days, computers, live, at_risk, silent, never_reported, restored, copied, delayed,
    versions, synthetic
)
select counted.school_id, region_id,
    case
        when live > 0 then 'live'
        when at_risk > 0 then 'at_risk'
        when silent > 0 then 'silent'
        when never_reported > 0 then 'never_reported'
        else 'none_enrolled'
    end,
    days, computers, live, at_risk, silent, never_reported, restored, copied, delayed,
    coalesce(versions, '{}'), synthetic
from counted
left join versions on versions.school_id = counted.school_id
on conflict (school_id) do update
set region_id = excluded.region_id, state = excluded.state, days = excluded.days, computers = excluded.computers,
    live = excluded.live, at_risk = excluded.at_risk, silent = excluded.silent,
    never_reported = excluded.never_reported, restored = excluded.restored, copied = excluded.copied,
    delayed = excluded.delayed, versions = excluded.versions, synthetic = excluded.synthetic
where (known.region_id, known.state, known.days, known.computers, known.live, known.at_risk, known.silent,
        known.never_reported, known.restored, known.copied, known.delayed, known.versions, known.synthetic)
    is distinct from
    (excluded.region_id, excluded.state, excluded.days, excluded.computers, excluded.live, excluded.at_risk,
        excluded.silent, excluded.never_reported, excluded.restored, excluded.copied, excluded.delayed,
        excluded.versions, excluded.synthetic)
