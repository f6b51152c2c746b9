"""The official boundaries of the country's units, as pages draw them, and whose they are."""

from alembic import op

revision = "0017"
down_revision = "0016"

# rings: of each unit, as [[[longitude, latitude], ...], ...] in degrees, simplified.
BOUNDARIES = """
create table boundary (
    unit text primary key,
    rings jsonb not null
);
create table boundary_source (
    only_one boolean primary key default true check (only_one),
    file text not null,
    sha256 text not null,
    licence text not null,
    imported_at timestamptz not null
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(BOUNDARIES)
