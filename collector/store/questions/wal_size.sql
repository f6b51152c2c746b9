select coalesce(sum(size), 0) from pg_ls_waldir()
