select school_month.school_id, month, voice, operator, region_id, synthetic, tests, undisturbed, slots, slots_met, slots_missed, download_sum_bps, download_count, upload_sum_bps,
    upload_count, judged_days, met_squared, met_by_judged, judged_squared, histograms, absences
from unnest(%(schools)s::text[], %(years)s::date[]) as asked (school_id, year)
join school_month
    on school_month.school_id = asked.school_id
    and month >= asked.year and month < asked.year + interval '1 year'
order by school_month.school_id, month
