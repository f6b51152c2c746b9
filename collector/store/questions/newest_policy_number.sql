select coalesce(max(number), 0) from policy_change
