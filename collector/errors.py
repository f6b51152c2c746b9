"""What can go wrong in the collector.

NetreadyError (agent.contract.errors)
|-- DatabaseError              no database, or one that cannot be used; says what to do
|   `-- EmbeddedError          the embedded PostgreSQL cannot be started or joined
|-- RegistryError              a registry file with mistakes; lists each with line and column
|-- EnrollmentRefused          a token that is unknown, used up or expired
|-- AccessDenied               a missing, unknown or expired API token, a wrong password, no login
|   `-- LoginNeeded            a page for people who are logged in, asked for by somebody who could be
|-- NotAllowed                 somebody who is known, and may not do this
|-- TooManyTries               wrong passwords or codes; says how long to wait
|-- AccountError               an account or a password that cannot be as it was asked for
|-- BackupError                a backup that cannot be written, read or restored
|-- NotFound                   nothing of this name
`-- SimulationError            the collector did not take what a simulated country sent
"""

from agent.contract.errors import NetreadyError


class DatabaseError(NetreadyError):
    """There is no usable database."""


class EmbeddedError(DatabaseError):
    """The embedded PostgreSQL cannot be started or joined."""


class RegistryError(NetreadyError):
    """A registry file cannot be imported; nothing was changed.

    ``message`` and ``found`` are sentences for pages, or English; ``problems`` is what was found in English.
    """

    def __init__(self, message: object, found: tuple[object, ...] = ()) -> None:
        self.message, self.found = message, found
        self.problems = tuple(str(one) for one in found)
        super().__init__("\n".join((str(message), *self.problems)))


class EnrollmentRefused(NetreadyError):  # noqa: N818 - the name is the condition itself
    """The enrolment token is unknown, used up or expired."""


class AccessDenied(NetreadyError):  # noqa: N818 - the name is the condition itself
    """The caller is not known."""


class LoginNeeded(AccessDenied):
    """Somebody without a login asks for a page that needs one."""


class NotAllowed(NetreadyError):  # noqa: N818 - the name is the condition itself
    """The caller is known and may not do this."""


class TooManyTries(NetreadyError):  # noqa: N818 - the name is the condition itself
    """Too many wrong passwords or codes; the next try has to wait."""

    def __init__(self, message: object, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AccountError(NetreadyError):
    """An account, a password or a code cannot be as it was asked for."""


class BackupError(NetreadyError):
    """A backup cannot be written, is damaged, or cannot be restored here."""


class NotFound(NetreadyError):  # noqa: N818 - the name is the condition itself
    """Nothing of this name."""


class SimulationError(NetreadyError):
    """The collector did not take a simulated report."""
