"""Growing tables in monthly partitions."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing yet."""
