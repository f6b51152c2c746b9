select log, size, root, at, note, stamp from checkpoint where log = %(log)s order by size desc limit %(limit)s
