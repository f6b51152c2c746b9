insert into school (
    school_id, name, region_id, district, latitude, longitude, pupils, connectivity_type, connected, operator,
    download_contracted_bps, upload_contracted_bps, synthetic, closed_on, merged_into, extra, updated_at
)
values (
    %(school_id)s, %(name)s, %(region_id)s, %(district)s, %(latitude)s, %(longitude)s, %(pupils)s,
    %(connectivity_type)s, %(connected)s, %(operator)s, %(download_contracted_bps)s, %(upload_contracted_bps)s,
    %(synthetic)s, %(closed_on)s, %(merged_into)s, %(extra)s, now()
)
on conflict (school_id) do update
set name = excluded.name, region_id = excluded.region_id, district = excluded.district, latitude = excluded.latitude,
    longitude = excluded.longitude, pupils = excluded.pupils, connectivity_type = excluded.connectivity_type,
    connected = excluded.connected, operator = excluded.operator,
    download_contracted_bps = excluded.download_contracted_bps,
    upload_contracted_bps = excluded.upload_contracted_bps, synthetic = excluded.synthetic, closed_on = excluded.closed_on,
    merged_into = excluded.merged_into, extra = excluded.extra,
    updated_at = excluded.updated_at
