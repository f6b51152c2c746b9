"""What can be wrong with what verdicts rest on.

NetreadyError (agent.contract.errors)
`-- AgreementError      a contract, an exclusion or a step of a dispute that cannot be as it was asked for
    `-- DisputeError    a step of a dispute that cannot come now
        |-- TooLate     its time is over
        `-- Ended       the dispute is
"""

from agent.contract.errors import NetreadyError


class AgreementError(NetreadyError):
    """Something that was agreed, excluded or disputed cannot be so; says why."""


class DisputeError(AgreementError):
    """A step of a dispute that cannot come now."""


class TooLate(DisputeError):  # noqa: N818 - the name is the condition itself
    """The time for a step of a dispute is over."""


class Ended(DisputeError):  # noqa: N818 - the name is the condition itself
    """The dispute is over: nothing can be added to it."""
