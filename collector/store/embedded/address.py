"""How to connect to the embedded server."""

from pathlib import Path

from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
"""The role that owns everything in a new server; the only one there at first."""

PORT = "5432"
"""Nothing listens on a network; the number is a part of the socket's name."""

_NOT_FROM_ENVIRONMENT = {
    # libpq takes what a conninfo leaves out from PGHOSTADDR, PGOPTIONS and so on; what is said here leads nowhere else.
    "hostaddr": "",
    "port": PORT,
    "options": "",
    "require_auth": "",
    "channel_binding": "disable",
    "gssencmode": "disable",
    "sslmode": "disable",
    "target_session_attrs": "any",
    "client_encoding": "UTF8",
}


def conninfo(socket: Path, database: str, user: str) -> str:
    """Return the connection string for a database and a role, given the socket's folder."""
    return make_conninfo(host=str(socket), dbname=database, user=user, **_NOT_FROM_ENVIRONMENT)
