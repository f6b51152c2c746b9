"""What can go wrong in the agent.

NetreadyError (agent.contract.errors)
|-- ProbeUnavailable           a probe cannot run on this computer: nobody's fault, counted apart
|-- CaptureError               a captured file is not what it is said to be
|-- NotEnrolledError           this needs a school, and the computer has none yet
|-- EnrollmentError            the collector did not accept the computer
|-- UplinkError                the collector could not be reached or answered nonsense; tried again later
|   |-- PausedError            not tried (to the end): patience was asked for, it failed a moment ago, time was over
|   `-- RevokedError           the collector no longer wants this agent
|-- UpdateError                no version can be changed to: none is signed for, no mirror gives it, or not this kind
|-- InstallError               a package could not be put in place
|-- ReflectorError             one of the processes that share a test server's port ended
`-- StateError                 the state folder cannot be read or written (full disk, permissions, damage)
"""

from agent.contract.errors import NetreadyError


class ProbeUnavailable(NetreadyError):  # noqa: N818 - the name is the condition itself
    """This probe cannot run on this computer; says why and what would change that."""


class CaptureError(NetreadyError):
    """A captured file cannot be decoded as the format it is said to have; says why."""


class NotEnrolledError(NetreadyError):
    """The computer belongs to no school yet."""


class EnrollmentError(NetreadyError):
    """The collector did not accept this computer."""


class UplinkError(NetreadyError):
    """The collector could not be reached or answered nonsense; the reports wait in the outbox."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PausedError(UplinkError):
    """Not tried, or not to the end: the collector asked for patience, failed a moment ago, or time was over."""


class RevokedError(UplinkError):
    """The collector no longer wants this agent; it stops sending and keeps what it has."""


class UpdateError(NetreadyError):
    """A version cannot be had: nobody signed for it, no mirror gives it, or this kind is not replaced by itself."""


class InstallError(NetreadyError):
    """A package could not be put in place; says what the system said."""


class ReflectorError(NetreadyError):
    """One of the processes that share a test server's port ended by itself; says how."""


class StateError(NetreadyError):
    """The state folder cannot be read or written."""
