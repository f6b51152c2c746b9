update log set stopped = %(stopped)s where number = %(number)s and stopped is distinct from %(stopped)s
