select count(*) > 0 from contract where operator = %(operator)s
