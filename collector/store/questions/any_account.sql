select exists (select 1 from account where disabled_at is null)
