select school_id, valid_from, valid_to, name, region_id, district, pupils, connectivity_type, operator,
    download_contracted_bps, upload_contracted_bps
from school_history
where school_id = any(%(schools)s)
order by school_id, valid_from
