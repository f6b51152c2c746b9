"""The schema's history, one numbered step a file, applied by Alembic under a lock."""
