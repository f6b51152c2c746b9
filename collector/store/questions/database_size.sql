select pg_database_size(current_database()), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),
    has_function_privilege('pg_ls_waldir()', 'execute')
