select hashes from log_tile where log = %(log)s and level = %(level)s and number = %(number)s
