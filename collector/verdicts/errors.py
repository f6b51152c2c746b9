"""What can be wrong with what verdicts rest on.

NetreadyError (agent.contract.errors)
`-- AgreementError      a contract, an exclusion or a step of a dispute that cannot be as it was asked for
    `-- DisputeError    a step that comes too late, or after the end
"""

from agent.contract.errors import NetreadyError


class AgreementError(NetreadyError):
    """Something that was agreed, excluded or disputed cannot be so; says why."""


class DisputeError(AgreementError):
    """A step of a dispute that cannot come now."""
