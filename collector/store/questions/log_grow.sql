update log set size = %(size)s where number = %(number)s
