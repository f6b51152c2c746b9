-- What the computers of a school signed, made in a span of time and taken in until a moment. Of a computer that sent more
-- than any can make in it, no more than it takes to see that.
with numbered as (
    select agent_id, sequence, received_at, created_at, payload, signature,
        row_number() over of_one as number,
        coalesce(
            sum(octet_length(payload)) over (of_one rows between unbounded preceding and 1 preceding), 0
        ) as bytes_before
    from report
    where school_id = %(school_id)s and received_at >= %(begins)s - interval '1 day' and received_at <= %(known_at)s
        and created_at >= %(begins)s and created_at < %(ends)s
    window of_one as (partition by agent_id order by sequence)
)
select agent_id, sequence, received_at, created_at, payload, signature
from numbered
where number <= %(most_reports)s + 1 and bytes_before <= %(most_bytes)s
order by agent_id, sequence
