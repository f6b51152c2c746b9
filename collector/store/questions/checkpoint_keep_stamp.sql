update checkpoint set stamp = %(stamp)s where log = %(log)s and size = %(size)s and stamp is null
