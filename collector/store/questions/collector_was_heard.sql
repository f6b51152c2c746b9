-- In which ten minutes of a span the collector took in reports, from whomever.
select distinct date_bin('10 minutes', received_at, timestamptz '2000-01-01') as heard
from report
where received_at >= %(begins)s and received_at < %(ends)s
order by heard
