insert into rule_text (sha256, body) values (%(sha256)s, %(body)s) on conflict (sha256) do nothing
