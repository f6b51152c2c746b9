select school_id, name, region_id, district, latitude, longitude, pupils, connectivity_type, connected, operator,
    download_contracted_bps, upload_contracted_bps, synthetic, extra
from school
where school_id = %(school_id)s
