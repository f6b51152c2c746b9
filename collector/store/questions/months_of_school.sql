-- A school's judged months, as the viewer may know them.
select period, region_id, tests, computers, days, slots, slots_met, slots_missed, share, share_low, share_high,
    download_bps, download_at_least_bps, upload_bps, upload_at_least_bps, meets, state, reason, absences
from school_period
where school_id = %(school_id)s and period = any(%(periods)s)
    and operator = case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end
order by period
