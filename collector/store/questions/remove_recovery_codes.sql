delete from recovery_code where name = %(name)s
