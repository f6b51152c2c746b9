"""What can be wrong with notices.

NetreadyError (agent.contract.errors)
`-- NoticeError     a subscription that cannot be as it was asked for, or an address that nothing is sent to
"""

from agent.contract.errors import NetreadyError


class NoticeError(NetreadyError):
    """A subscription or an address cannot be used; says why."""
