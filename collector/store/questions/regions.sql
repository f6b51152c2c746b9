select region_id, name_kk, name_ru, name_en from region order by region_id
