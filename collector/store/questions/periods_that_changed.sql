-- Note how many schools were judged anew in periods, and tell which priors that can have moved: one in a hundred changed.
update period_prior
set changed = changed + told.schools
from unnest(%(periods)s::text[], %(schools)s::integer[]) as told (period, schools)
where period_prior.period = told.period
returning period_prior.period, changed * 100 >= period_prior.schools
