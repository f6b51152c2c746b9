select to_char(min(valid_from), 'YYYY-MM') from contract
