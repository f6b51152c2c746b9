select number, hashes from log_tile where log = %(log)s and level = 0 and number = any(%(numbers)s)
