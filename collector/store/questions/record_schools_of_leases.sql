select lease.lease_id, lease.school_id, school.region_id, school.operator
from lease
join school on school.school_id = lease.school_id
where lease.lease_id = any(%(leases)s)
