select witness, at, line, received_at from cosignature where log = %(log)s and size = %(size)s order by witness
