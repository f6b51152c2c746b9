select distinct operator from verdict where month = %(month)s order by operator
