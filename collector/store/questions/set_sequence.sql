select setval(pg_get_serial_sequence(format('public.%%I', %(table)s::text), %(column)s), %(last)s)
