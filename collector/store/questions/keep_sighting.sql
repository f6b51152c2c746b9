insert into sighting (
    school_id, agent_id, sequence, measured_at, received_at, is_survey, room_key, medium, adapter, link_speed_bps, duplex,
    packets, errors, gateway, gateway_digest, gateway_ms, ssid_hex, looked, own_dbm, own_bssid, own_ssid_hex, own_ssid,
    own_channel, region_id, synthetic
)
select * from unnest(
    %(school_id)s, %(agent_id)s, %(sequence)s, %(measured_at)s, %(received_at)s, %(is_survey)s, %(room_key)s, %(medium)s,
    %(adapter)s, %(link_speed_bps)s, %(duplex)s, %(packets)s, %(errors)s, %(gateway)s, %(gateway_digest)s,
    %(gateway_ms)s, %(ssid_hex)s, %(looked)s, %(own_dbm)s, %(own_bssid)s, %(own_ssid_hex)s, %(own_ssid)s,
    %(own_channel)s, %(region_id)s, %(synthetic)s
)
