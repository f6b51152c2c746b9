"""What can go wrong in words both sides understand.

NetreadyError                  every error of ours; its text is a sentence a person can act on
|-- SettingsError              a wrong file, key or value in settings or shipped data
|-- InsecureUrlError           plain http or ws to somewhere that is neither this computer nor a private network
`-- ReportError                bytes that are not an acceptable report
    |-- MalformedError         not the shape the contract states
    `-- SignatureError         not signed by the key it claims
"""


class NetreadyError(Exception):
    """Every error of ours; its text says what happened and what to do."""


class SettingsError(NetreadyError):
    """A settings or data file is wrong; names the file and the key."""


class InsecureUrlError(NetreadyError):
    """A plain http or ws address outside this computer and private networks."""


class ReportError(NetreadyError):
    """Bytes that cannot be accepted as a report."""


class MalformedError(ReportError):
    """The bytes do not have the shape that the contract states."""


class SignatureError(ReportError):
    """The signature is missing, of another key, or does not fit the bytes."""
