"""The indexes that a country's rankings are read by hold the rows in their order, and all that a plan adds up."""

from alembic import op

revision = "0020"
down_revision = "0019"

# By class and score, findings come in the order of their places: nothing is left to sort. One figure of the plan was
# not in the other index: each of a country's rows was read from its table for it.
INDEXES = """
create index school_finding_by_place on school_finding (period, ranking, operator, class, score desc)
    include (school_id, region_id, meets, cause, unfit_rooms);
drop index school_finding_by_period;
create index school_period_of_period on school_period (period, operator) include (
    school_id, region_id, state, meets, tests, slots, slots_met, slots_missed, download_bps, upload_bps,
    download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps, missing_download_bps,
    missing_upload_bps
);
drop index school_period_by_period;
"""


def upgrade() -> None:
    """Make the new ones, then drop those that they replace."""
    op.execute(INDEXES)
