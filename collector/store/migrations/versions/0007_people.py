"""People: accounts, sessions, tokens, and what they saw and changed."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change nothing yet."""
