insert into recovery_code (name, code_sha256) values (%(name)s, %(code_sha256)s)
