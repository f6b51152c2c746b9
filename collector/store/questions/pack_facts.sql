-- What a version of a verdict was drawn from but for the reports, and the rules of then.
select facts, (select body from rule_text where sha256 = %(standard)s), (select body from rule_text where sha256 = %(causes)s)
from verdict
where school_id = %(school_id)s and line = %(line)s and month = %(month)s and operator = %(operator)s
    and version = %(version)s
