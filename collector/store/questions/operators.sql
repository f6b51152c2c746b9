select distinct operator from school where operator is not null order by operator
