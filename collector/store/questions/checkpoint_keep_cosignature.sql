insert into cosignature (log, size, witness, at, line, received_at)
values (%(log)s, %(size)s, %(witness)s, %(at)s, %(line)s, %(received_at)s)
on conflict do nothing
