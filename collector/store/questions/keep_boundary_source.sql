insert into boundary_source (file, sha256, licence, imported_at)
values (%(file)s, %(sha256)s, %(licence)s, %(imported_at)s)
on conflict (only_one) do update set file = excluded.file, sha256 = excluded.sha256, licence = excluded.licence,
    imported_at = excluded.imported_at
