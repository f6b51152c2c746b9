insert into checkpoint (log, size, root, at, note, stamp)
values (%(log)s, %(size)s, %(root)s, %(at)s, %(note)s, %(stamp)s)
