select max(month) from verdict_month where closed_at is not null
