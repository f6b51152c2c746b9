delete from boundary where unit <> all(%(kept)s)
