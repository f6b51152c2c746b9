select count(*)
from (select from finding_waits where period = %(period)s and not_before <= now() limit %(most)s) as few
