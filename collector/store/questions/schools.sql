select school_id, name, region_id, district, latitude, longitude, pupils, connectivity_type, connected, operator,
    download_contracted_bps, upload_contracted_bps, synthetic, extra
from school
where %(region_id)s::text is null or region_id = %(region_id)s
order by school_id
