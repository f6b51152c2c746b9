"""What can go wrong while a far end is talked to.

NetreadyError (agent.contract.errors)
|-- TransferError              the test broke; carries the failure word that goes into the report
`-- HeadError                  bytes that are not an HTTP/1.1 message head we accept
"""

from agent.contract.errors import NetreadyError
from agent.contract.failure import Failure, failure_of


class TransferError(NetreadyError):
    """A test that broke, with its failure word; the text says what happened."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure

    @classmethod
    def of(cls, error: BaseException, what: str) -> "TransferError":
        """Return the transfer error for what the operating system or TLS raised while doing ``what``."""
        reason = str(error) or type(error).__name__
        return cls(failure_of(error), f"{what}: {reason}")


class HeadError(NetreadyError):
    """An HTTP head that is malformed or too large; a server answers it with ``status`` and these header fields."""

    def __init__(self, status: int, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.fields = fields
