select subscriber_id, secret from notice_subscriber where secret is not null and ended_at is null
