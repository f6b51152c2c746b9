"""What can go wrong in the collector.

NetreadyError (agent.contract.errors)
|-- DatabaseError              no database, or one that cannot be used; says what to do
|   `-- EmbeddedError          the embedded PostgreSQL cannot be started or joined
|-- RegistryError              a registry file with mistakes; lists each with line and column
|-- EnrollmentRefused          a token that is unknown, used up or expired
|-- AccessDenied               a missing, unknown or expired API token, or a role without this right
|-- NotFound                   nothing of this name
`-- SimulationError            the collector did not take what a simulated country sent
"""

from agent.contract.errors import NetreadyError


class DatabaseError(NetreadyError):
    """There is no usable database."""


class EmbeddedError(DatabaseError):
    """The embedded PostgreSQL cannot be started or joined."""


class RegistryError(NetreadyError):
    """A registry file cannot be imported; nothing was changed."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *problems)))
        self.problems = problems


class EnrollmentRefused(NetreadyError):  # noqa: N818 - the name is the condition itself
    """The enrolment token is unknown, used up or expired."""


class AccessDenied(NetreadyError):  # noqa: N818 - the name is the condition itself
    """The caller is not known, or may not do this."""


class NotFound(NetreadyError):  # noqa: N818 - the name is the condition itself
    """Nothing of this name."""


class SimulationError(NetreadyError):
    """The collector did not take a simulated report."""
