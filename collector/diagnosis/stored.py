"""The diagnosis of a school in a period, from what is stored of its computers' newest sessions."""

from datetime import tzinfo
from itertools import groupby

import msgspec

from agent.contract import measurement
from agent.contract.causes import Contract
from agent.contract.errors import MalformedError
from agent.contract.measurement import Measurement, Unknown
from agent.contract.rules import shipped_rules
from agent.contract.standards import target_for
from collector.diagnosis import ComputerSession, SchoolDiagnosis, Told, tell_school
from collector.periods import Period
from collector.store import sessions
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.store.sessions import StoredMeasurement


def of_school(
    connection: Connection, school: SchoolRecord, period: Period, *, for_operator: bool = False
) -> SchoolDiagnosis:
    """Diagnose one school by what the viewer may see of it.

    An operator judges lines: the defects of a school's own network, with its addresses, are not for it.
    """
    return told_of_school(connection, school, period, for_operator=for_operator).diagnosis


def told_of_school(connection: Connection, school: SchoolRecord, period: Period, *, for_operator: bool = False) -> Told:
    """Return the same with its sentences for any language."""
    rows = sessions.of_school(connection, school.school_id, period)
    # Days and hours are the school's own: in UTC one evening of some countries is two days.
    zone = period.start.tzinfo
    facts = [_session(list(group), zone) for _, group in groupby(rows, key=lambda row: (row.agent_id, row.sequence))]
    contract = Contract(download_bps=school.download_contracted_bps, upload_bps=school.upload_contracted_bps)
    found = tell_school(facts, contract, target_for(school.pupils), shipped_rules())
    if not for_operator:
        return found
    return msgspec.structs.replace(found, diagnosis=msgspec.structs.replace(found.diagnosis, defects=()))


def _session(rows: list[StoredMeasurement], zone: tzinfo | None) -> ComputerSession:
    first = rows[0]
    return ComputerSession(
        agent=first.agent_id,
        room=first.room,
        started_at=min(row.measured_at for row in rows).astimezone(zone),
        measurements=[_read(row.body, zone) for row in rows],
    )


def _read(body: str, zone: tzinfo | None) -> Measurement | Unknown:
    try:
        one = measurement.decode(body.encode())
    except MalformedError:  # of a newer schema, kept as it came
        return Unknown(kind="unreadable")
    if isinstance(one, Unknown) or one.started_at is None:
        return one
    return msgspec.structs.replace(one, started_at=one.started_at.astimezone(zone))
