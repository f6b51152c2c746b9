insert into region (region_id, name_kk, name_ru, name_en)
values (%(region_id)s, %(name_kk)s, %(name_ru)s, %(name_en)s)
on conflict (region_id) do update
set name_kk = excluded.name_kk, name_ru = excluded.name_ru, name_en = excluded.name_en
