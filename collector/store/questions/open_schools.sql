-- Real schools that were open at some time of a period, with how the whole school was judged in it.
select school.school_id, school.name, coalesce(judged.region_id, school.region_id) as region_id,
    coalesce(judged.district, school.district) as district, school.latitude, school.longitude,
    coalesce(judged.pupils, school.pupils) as pupils,
    coalesce(judged.connectivity_type, school.connectivity_type) as connectivity_type, school.connected,
    school.closed_on, judged.state, judged.meets, coalesce(judged.computers, 0) as computers,
    judged.days, judged.slots, judged.slots_met, judged.slots_missed, judged.share, judged.share_low, judged.share_high,
    judged.download_p25_bps, judged.download_bps, judged.download_p95_bps, judged.upload_p25_bps, judged.upload_bps,
    judged.upload_p95_bps, judged.download_at_least_bps, judged.upload_at_least_bps, judged.required_download_bps,
    judged.required_upload_bps, judged.missing_download_bps
from school
left join school_period as judged
    on judged.school_id = school.school_id and judged.period = %(period)s and judged.operator = ''
where not school.synthetic
    and (school.closed_on is null or school.closed_on > %(start)s)
order by school.school_id
