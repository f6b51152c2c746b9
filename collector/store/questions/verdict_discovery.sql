select number, lines, accused, most_chance from discovery
where operator = %(operator)s and month = %(month)s order by number desc limit 1
