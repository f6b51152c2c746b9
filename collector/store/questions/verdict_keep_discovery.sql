insert into discovery (operator, month, number, lines, accused, most_chance, made_at)
values (%(operator)s, %(month)s, %(number)s, %(lines)s, %(accused)s, %(most_chance)s, %(made_at)s)
