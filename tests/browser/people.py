"""Who looks at the pages of the tests."""

from dataclasses import dataclass

from collector.store.database import Role

PASSWORD = "seven green horses sleep"
ROLES: tuple[Role, ...] = ("ministry", "region", "school", "operator", "auditor", "admin")


@dataclass
class People:
    """Where the collector is, and the scopes of the accounts there: each is called the-ROLE.

    ``month`` is the closed month of which the school's line has a verdict.
    """

    address: str
    region: str
    school: str
    operator: str
    month: str
