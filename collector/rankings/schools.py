"""Schools, by how far their typical speeds reach what their pupils need."""

from collector import rankings, readiness
from collector.readiness import Readiness
from collector.store.database import Connection

TITLE = "Schools"
ABOUT = (
    "Ordered by how far the typical download and upload of the school's best-placed computer reach the target, in the"
    " weaker direction; where paced tests are all there is, what they prove counts. Schools without enough tests come"
    " after, schools without any test or line last, without a rank."
)


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school."""

    region: str
    district: str | None
    operator: str | None
    connectivity_type: str | None
    pupils: int | None
    computers: int
    state: str
    reason: str


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the schools that the viewer may see."""
    judged = readiness.of_period(connection, window.period, window.region_id)
    return rankings.numbered([_row(one) for one in judged], rankings.fitness)


def _row(one: Readiness) -> Row:
    return Row(
        id=one.school.school_id,
        name=one.school.name,
        tests=one.tests,
        download_bps=one.download_bps,
        upload_bps=one.upload_bps,
        download_at_least_bps=one.download_at_least_bps,
        upload_at_least_bps=one.upload_at_least_bps,
        required_download_bps=one.target.download_bps,
        required_upload_bps=one.target.upload_bps,
        meets=one.meets,
        synthetic=one.school.synthetic,
        region=one.school.region_id,
        district=one.school.district,
        operator=one.school.operator,
        connectivity_type=one.school.connectivity_type,
        pupils=one.school.pupils,
        computers=one.computers,
        state=one.state,
        reason=one.reason,
    )
