-- Schools whose line an operator may have to answer for, in a closed month: how rare they are is asked anew.
select distinct school_id from verdict
where month = %(month)s and operator = %(operator)s and version > 0 and state in ('breach', 'watch')
