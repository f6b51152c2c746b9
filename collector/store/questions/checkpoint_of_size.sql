select log, size, root, at, note, stamp from checkpoint where log = %(log)s and size = %(size)s
