-- What speaks for each room in the period: its newest walk with a laptop (all stops within a day of the newest), and
-- each fixed computer there, by its looks within 14 days of the room's newest. The median is the lower one of two;
-- -111 dBm, below every signal that is believed, stands for "no own access point was heard". "inside" names the school's
-- own networks and routers: only looks at those count, by the network's name or, where a computer may not tell it, by the
-- router. A computer on Wi-Fi that hears none of them is on somebody else's, most likely at home: left out.
with inside as (
    select * from unnest(%(schools)s::text[], %(names)s::text[]) as known (school_id, name)
),
look as (
    select sighting.*,
        max(measured_at) over (partition by sighting.school_id, room_key) as newest_of_room,
        max(measured_at) over (partition by sighting.school_id, room_key, is_survey) as newest_of_kind
    from sighting
    left join inside
        on inside.school_id = sighting.school_id and inside.name = coalesce(own_ssid_hex, gateway_digest, gateway)
    where measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s and looked and room_key is not null
        and (%(school_id)s::text is null or sighting.school_id = %(school_id)s)
        and case when own_dbm is null then is_survey or medium <> 'wifi' else inside.name is not null end
)
select look.school_id, look.room_key, is_survey,
    case when is_survey then '' else agent_id end as voice,
    count(*) as looks,
    max(measured_at) as newest_at,
    nullif(percentile_disc(0.5) within group (order by coalesce(own_dbm, -111)), -111) as own_dbm,
    (array_agg(own_bssid order by measured_at desc))[1] as own_bssid,
    (array_agg(own_ssid order by measured_at desc))[1] as own_ssid,
    (array_agg(own_channel order by measured_at desc))[1] as own_channel,
    (array_agg(adapter order by measured_at desc))[1] as adapter,
    percentile_disc(0.5) within group (order by gateway_ms) as gateway_ms
from look
join room on room.school_id = look.school_id and room.room_key = look.room_key
where measured_at >= newest_of_room - interval '14 days'
    and (not is_survey or measured_at >= newest_of_kind - interval '1 day')
group by look.school_id, look.room_key, is_survey, voice
order by look.school_id, look.room_key, is_survey desc, voice
