-- How schools typically fare in a period (a beta distribution's mean), and how many slots that is worth beside a school's
-- own (its weight): the more alike schools are, the more. By moments; between 2 and 200, and 10 where few schools tell.
with judged as (
    select period, slots_met, slots_met + slots_missed as judged,
        slots_met::double precision / (slots_met + slots_missed) as share
    from school_period
    where period = any(%(periods)s) and operator = '' and slots_met + slots_missed > 0
)
insert into period_prior (period, share, weight, schools, updated_at)
select period,
    sum(slots_met)::double precision / sum(judged),
    case
        when count(*) < 10 or var_samp(share) is null or var_samp(share) <= 0 then 10
        else least(200, greatest(2, avg(share) * (1 - avg(share)) / var_samp(share) - 1))
    end,
    count(*),
    now()
from judged
group by period
on conflict (period) do update
set share = excluded.share, weight = excluded.weight, schools = excluded.schools, changed = 0, updated_at = excluded.updated_at
