-- An operator sees only its own rows: those are what there is of a school for it.
select school_period.school_id, school_period.operator, voice, tests, computers, days, slots, slots_met, slots_missed, share, share_low, share_high,
    download_p25_bps, download_bps, download_p95_bps, upload_p25_bps, upload_bps, upload_p95_bps,
    download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps,
    missing_download_bps, missing_upload_bps, meets, state, reason, absences
from school_period
join school on school.school_id = school_period.school_id
where period = %(period)s
    and (%(school_id)s::text is null or school_period.school_id = %(school_id)s)
    and case
        when %(cabled)s or current_setting('netready.role', true) = 'operator'
        then school_period.operator = school.operator
        else school_period.operator = ''
    end
