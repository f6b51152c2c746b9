insert into speed_test (
    school_id, agent_id, sequence, position, measured_at, received_at, engine, server, purpose, download_bps,
    download_low_bps, download_high_bps, download_at_least, upload_bps, upload_low_bps, upload_high_bps, upload_at_least,
    rtt_idle_ms, medium, link_speed_bps, region_id, operator, synthetic, tainted
)
select school_id, agent_id, sequence, position, measured_at, received_at, engine, server, purpose, download_bps,
    download_low_bps, download_high_bps, download_at_least, upload_bps, upload_low_bps, upload_high_bps, upload_at_least,
    rtt_idle_ms, medium, link_speed_bps, region_id, operator, synthetic, tainted::text[]
from unnest(
    %(school_id)s, %(agent_id)s, %(sequence)s, %(position)s, %(measured_at)s, %(received_at)s, %(engine)s, %(server)s,
    %(purpose)s, %(download_bps)s, %(download_low_bps)s, %(download_high_bps)s, %(download_at_least)s, %(upload_bps)s,
    %(upload_low_bps)s, %(upload_high_bps)s, %(upload_at_least)s, %(rtt_idle_ms)s, %(medium)s, %(link_speed_bps)s,
    %(region_id)s, %(operator)s, %(synthetic)s, %(tainted)s
) as one (
    school_id, agent_id, sequence, position, measured_at, received_at, engine, server, purpose, download_bps,
    download_low_bps, download_high_bps, download_at_least, upload_bps, upload_low_bps, upload_high_bps, upload_at_least,
    rtt_idle_ms, medium, link_speed_bps, region_id, operator, synthetic, tainted
)
