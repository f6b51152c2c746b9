select month, closed_at from verdict_month order by month
