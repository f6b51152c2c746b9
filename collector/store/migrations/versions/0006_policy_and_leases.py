"""What agents are told, by whom it was changed, and whose turn it is."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Change nothing yet."""
