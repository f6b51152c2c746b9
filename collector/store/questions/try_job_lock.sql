select pg_try_advisory_lock(%(class)s, %(key)s)
