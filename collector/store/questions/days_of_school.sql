-- A school's measured days, as the viewer may know them: whole, or an operator's own part as it answers for it.
select day, region_id, tests, undisturbed, slots, slots_met, slots_missed,
    download_sum_bps / nullif(download_count, 0) as download_mean_bps,
    upload_sum_bps / nullif(upload_count, 0) as upload_mean_bps, absences
from school_day
where school_id = %(school_id)s and day >= %(begins)s and day < %(ends)s
    and voice = case when current_setting('netready.role', true) = 'operator' then 'cable' else 'any' end
    and operator = case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end
order by day
