insert into school_day (
    school_id, day, voice, operator, region_id, synthetic, tests, undisturbed, slots, slots_met, slots_missed, download_sum_bps, download_count, upload_sum_bps,
    upload_count, judged_days, met_squared, met_by_judged, judged_squared, histograms, absences
)
values (
    %(school_id)s, %(begins)s, %(voice)s, %(operator)s, %(region_id)s, %(synthetic)s, %(tests)s, %(undisturbed)s, %(slots)s, %(slots_met)s, %(slots_missed)s, %(download_sum_bps)s,
    %(download_count)s, %(upload_sum_bps)s, %(upload_count)s, %(judged_days)s, %(met_squared)s, %(met_by_judged)s,
    %(judged_squared)s, %(histograms)s, %(absences)s
)
