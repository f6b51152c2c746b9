insert into school_period (
    school_id, period, operator, region_id, district, connectivity_type, synthetic, pupils, absences,
    voice, tests, computers, days, slots, slots_met, slots_missed, share, share_low, share_high,
    download_p25_bps, download_bps, download_p95_bps, upload_p25_bps, upload_bps, upload_p95_bps,
    download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps,
    missing_download_bps, missing_upload_bps, meets, state, reason
)
values (
    %(school_id)s, %(period)s, %(operator)s, %(region_id)s, %(district)s, %(connectivity_type)s, %(synthetic)s,
    %(pupils)s, %(absences)s,
    %(voice)s, %(tests)s, %(computers)s, %(days)s, %(slots)s, %(slots_met)s, %(slots_missed)s, %(share)s, %(share_low)s, %(share_high)s,
    %(download_p25_bps)s, %(download_bps)s, %(download_p95_bps)s, %(upload_p25_bps)s, %(upload_bps)s, %(upload_p95_bps)s,
    %(download_at_least_bps)s, %(upload_at_least_bps)s, %(required_download_bps)s, %(required_upload_bps)s,
    %(missing_download_bps)s, %(missing_upload_bps)s, %(meets)s, %(state)s, %(reason)s
)
