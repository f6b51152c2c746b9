delete from recovery_code where name = %(name)s and code_sha256 = %(code_sha256)s
