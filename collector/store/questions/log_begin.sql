insert into log (number, origin, public_key, begun_at, before)
values (%(number)s, %(origin)s, %(public_key)s, %(begun_at)s, %(before)s)
