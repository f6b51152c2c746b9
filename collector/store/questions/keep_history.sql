insert into school_history (
    school_id, valid_from, valid_to, name, region_id, district, pupils, connectivity_type, operator,
    download_contracted_bps, upload_contracted_bps
)
values (
    %(school_id)s, %(valid_from)s, %(valid_to)s, %(name)s, %(region_id)s, %(district)s, %(pupils)s,
    %(connectivity_type)s, %(operator)s, %(download_contracted_bps)s, %(upload_contracted_bps)s
)
