select body from rule_text where sha256 = %(sha256)s
