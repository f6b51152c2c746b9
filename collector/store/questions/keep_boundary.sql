insert into boundary (unit, rings) values (%(unit)s, %(rings)s) on conflict (unit) do update set rings = excluded.rings
