"""The store: one PostgreSQL, its schema, its roles, and SQL in files named by the question they answer."""
