-- A test made while the registry named no operator belongs to the first one it names. Later changes leave it alone.
with named as (select school_id, operator from school where school_id = any(%(schools)s) and operator is not null),
of_reports as (
    update report set operator = named.operator from named
    where report.school_id = named.school_id and report.operator is null
),
of_measurements as (
    update measurement set operator = named.operator from named
    where measurement.school_id = named.school_id and measurement.operator is null
)
update speed_test set operator = named.operator from named
where speed_test.school_id = named.school_id and speed_test.operator is null
