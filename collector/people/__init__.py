"""People: who they are, what they may do, and what they did. Knows accounts and sessions, and no school's data."""
