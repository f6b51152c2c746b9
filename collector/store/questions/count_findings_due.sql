select findings_waiting(%(period)s, %(most)s)
