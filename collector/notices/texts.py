"""What notices say: the one catalogue, a title and whole sentences for each. English; dates as ISO 8601 writes them."""

from msgspec import Struct

from collector.store.notices import ListedEvent

_LINE = "line {line} of {school}, operator {operator}"
_DISPUTE = "Dispute {dispute} of the verdict on {month}, " + _LINE
# The key is the event's kind, and what else decides about the sentence.
_SAYS: dict[str, tuple[str, str]] = {
    "breach.opened": (
        "Breach of contract: school {id}, {month}",
        "In {month}, " + _LINE + ", broke its contract. The verdict is version {version}; the operator may dispute it.",
    ),
    "breach.opened again": (
        "Breach of contract again: school {id}, {month}",
        "In {month}, " + _LINE + ", broke its contract, for the second time in three months. The verdict is version"
        " {version}; the operator may dispute it.",
    ),
    "breach.continuing": (
        "Breach of contract continues: school {id}, {month}",
        "In {month}, "
        + _LINE
        + ", went on breaking its contract. The verdict is version {version}; the operator may dispute it.",
    ),
    "breach.ended": (
        "Contract kept again: school {id}, {month}",
        "In {month}, " + _LINE + ", kept its contract again.",
    ),
    "breach.withdrawn": (
        "Breach withdrawn: school {id}, {month}",
        "The verdict on {month}, " + _LINE + ", is no breach any more. Version {version} says: {state}.",
    ),
    "dispute.opened": (
        "Verdict disputed: school {id}, {month}",
        _DISPUTE + ", version {version}, was opened. It is to be decided until {due}.",
    ),
    "dispute.withdrawn": (
        "Dispute withdrawn: school {id}, {month}",
        _DISPUTE + ", version {version}, was withdrawn.",
    ),
    "dispute.decided upheld": (
        "Dispute decided: school {id}, {month}",
        _DISPUTE + ", version {version}, was decided: what the operator claims is true.",
    ),
    "dispute.decided partly": (
        "Dispute decided: school {id}, {month}",
        _DISPUTE + ", version {version}, was decided: what the operator claims is partly true.",
    ),
    "dispute.decided rejected": (
        "Dispute decided: school {id}, {month}",
        _DISPUTE + ", version {version}, was decided: what the operator claims is not true.",
    ),
    "dispute.due evidence": (
        "Deadline near: dispute about school {id}, {month}",
        _DISPUTE + ": evidence can be given until {due}. Working days left: {days}.",
    ),
    "dispute.due decision": (
        "Deadline near: dispute about school {id}, {month}",
        _DISPUTE + ": it is to be decided until {due}. Working days left: {days}.",
    ),
    "dispute.overdue": (
        "Deadline passed: dispute about school {id}, {month}",
        _DISPUTE + ", was to be decided until {due}, and is not.",
    ),
    "school.silent": (
        "Silent: school {id}",
        "No computer of {school} was heard for {days} school days. Nothing is known of its network meanwhile.",
    ),
    "school.heard": ("Heard again: school {id}", "Computers of {school} report again."),
    "test": ("Test", "This is a test: notices of this subscription arrive here."),
}
_SYNTHETIC = ("SYNTHETIC: {title}", "Synthetic data, of no real school. {text}")
_NAMED, _UNNAMED = "{name} (school {id})", "school {id}"


class Words(Struct, frozen=True):
    """A notice's title and its sentences."""

    title: str
    text: str


def words_of(event: ListedEvent) -> Words:
    """Return what an event is called and said to be."""
    detail = event.detail
    school = (_UNNAMED if event.name is None else _NAMED).format(name=event.name, id=event.school)
    values = {
        "id": event.school,
        "school": school,
        "line": event.line,
        "operator": event.operator,
        "month": event.month,
        "version": detail.version,
        "state": detail.state,
        "dispute": detail.dispute,
        "due": detail.due,
        "days": detail.days,
    }
    title, text = (part.format_map(values) for part in _SAYS[_key(event)])
    if event.synthetic:
        title, text = (part.format(title=title, text=text) for part in _SYNTHETIC)
    return Words(title, text)


def _key(event: ListedEvent) -> str:
    more = {
        "breach.opened": "again" if event.detail.is_recurring else None,
        "dispute.decided": event.detail.outcome,
        "dispute.due": event.detail.waits_for,
    }.get(event.kind)
    return event.kind if more is None else f"{event.kind} {more}"
