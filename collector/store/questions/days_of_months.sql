select school_day.school_id, day, voice, operator, region_id, synthetic, tests, undisturbed, slots, slots_met, slots_missed, download_sum_bps, download_count, upload_sum_bps,
    upload_count, judged_days, met_squared, met_by_judged, judged_squared, histograms, absences
from unnest(%(schools)s::text[], %(months)s::date[]) as asked (school_id, month)
join school_day
    on school_day.school_id = asked.school_id
    and day >= asked.month and day < asked.month + interval '1 month'
order by school_day.school_id, day
