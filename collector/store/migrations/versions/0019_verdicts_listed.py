"""Lists of verdicts and their counts are read from an index alone."""

from alembic import op

revision = "0019"
down_revision = "0018"

# A verdict with its facts is kilobytes: a year of a country is gigabytes, of which lists ask for some bytes a line.
LISTED = """
create index verdict_listed on verdict (month, school_id, line, operator, version desc)
    include (state, chance, region_id, synthetic);
"""


def upgrade() -> None:
    """Make the index."""
    op.execute(LISTED)
