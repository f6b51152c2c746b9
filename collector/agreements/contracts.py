"""What operators promise, recorded: checked against what is known of the line, amended and never overwritten."""

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import combinations
from typing import Annotated, Literal

from msgspec import Meta, Struct

from collector.agreements import again
from collector.errors import NotAllowed, NotFound
from collector.store import agreements, audit, schools
from collector.store.audit import Who
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.verdicts import canonical
from collector.verdicts.errors import AgreementError
from collector.verdicts.rules.reduction import Way as Reduction
from collector.verdicts.standard import shipped_standard
from collector.verdicts.terms import WAYS, Bps, ContractId, LineId, Name, Terms, in_force, quarrels

Network = Annotated[str, Meta(max_length=64)]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
State = Literal["holds", "not yet", "ended", "amended", "no contract"]


class TermsWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms that somebody wants recorded; the fields are those of ``Terms``."""

    school: Annotated[str, Meta(min_length=1, max_length=64)]
    line: LineId = "1"
    contract: ContractId
    operator: Name
    valid_from: date
    valid_to: date | None = None
    download_bps: Bps | None = None
    download_normal_bps: Bps | None = None
    download_minimum_bps: Bps | None = None
    upload_bps: Bps | None = None
    upload_normal_bps: Bps | None = None
    upload_minimum_bps: Bps | None = None
    rtt_ms: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    outage_h_per_year: Annotated[float, Meta(ge=0, le=8784)] | None = None
    hours: Literal["lessons", "always"] = "lessons"
    rule: Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")] = "80-80"
    maintenance_h_per_year: Annotated[float, Meta(ge=0, le=8784)] = 0.0
    networks: Annotated[tuple[Network, ...], Meta(max_length=32)] = ()
    price_per_month: Decimal | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    reduction: Reduction = "none"


class HeldContract(Struct, frozen=True, kw_only=True):
    """A record of a contract and how it stands on a day, or that a school has none.

    ``backdated``: recorded after it began; the verdicts of its months since then have a newer version.
    """

    school: str
    state: State
    line: str | None = None
    backdated: bool = False
    sha256: str | None = None
    terms: Terms | None = None


class TermsError(AgreementError):
    """Terms that cannot be recorded; ``field`` says which of them."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


def check_may_record(who: Who, school: SchoolRecord) -> None:
    """See that somebody may record contracts of a school; raises NotAllowed."""
    if who.role in (None, "ministry", "admin") or (who.role == "region" and who.scope == school.region_id):
        return
    raise NotAllowed(
        f"the role {who.role} records no contracts of school {school.school_id}; the ministry or its region does"
    )


def record(connection: Connection, wish: TermsWish, *, who: Who, now: datetime) -> Terms:
    """Record what somebody wants, or return the record that says the very same.

    Raises:
        NotFound: there is no such school.
        NotAllowed: somebody may not record it.
        AgreementError: it contradicts itself or what is known of the line.
    """
    agreements.one_change_at_a_time(connection)
    school = schools.visible_school(connection, wish.school)
    check_may_record(who, school)
    known = agreements.terms_of(connection, schools=[wish.school])
    new = next_record(wish, known, author=who.name, now=now)
    if new is None:
        return _newest(wish, known)
    check_told_apart([*known, new])
    _keep(connection, new, school.region_id, now)
    detail = {"contract": new.contract, "line": new.line, "number": new.number, "operator": new.operator}
    audit.note(connection, who, "changed", f"school {new.school}", now=now, detail=detail)
    return new


def keep_all(connection: Connection, new: Sequence[Terms], *, who: Who, now: datetime, source: str) -> None:
    """Keep records that were checked under the lock, all of a file."""
    if not new:
        return
    region_of = {one.school_id: one.region_id for one in schools.schools_by_id(connection, [one.school for one in new])}
    for one in new:
        _keep(connection, one, region_of[one.school], now)
    detail = {"file": source, "recorded": len(new)}
    audit.note(connection, who, "changed", "contracts", now=now, detail=detail)


def next_record(wish: TermsWish, known: Sequence[Terms], *, author: str, now: datetime) -> Terms | None:
    """Return the record that a wish comes to, after those that are known of its school; null if it says nothing new.

    Raises:
        TermsError: it contradicts itself or what is known of the line.
    """
    _check_itself(wish)
    before = [one for one in known if (one.line, one.contract) == (wish.line, wish.contract)]
    newest = max(before, key=lambda one: one.number, default=None)
    new = Terms(
        **{field: getattr(wish, field) for field in wish.__struct_fields__},
        number=1 if newest is None else newest.number + 1,
        recorded_at=now,
        author=author,
    )
    if newest is not None:
        if all(getattr(newest, field) == getattr(wish, field) for field in wish.__struct_fields__):
            return None
        _check_amendment(new, newest)
    for other in quarrels(known, new):
        ends = "has no end" if other.valid_to is None else f"ends on {other.valid_to}"
        raise TermsError(
            "contract",
            f"line {new.line} of school {new.school} is {other.operator}'s by contract {other.contract} from "
            f"{other.valid_from}, which {ends}; amend that one to end before {new.valid_from}, or name another line",
        )
    return canonical.settled(new)


def check_told_apart(known: Sequence[Terms]) -> None:
    """See that tests over one line of a school can be told from those over another.

    Raises:
        TermsError: two lines hold on one day, and their networks are unknown or overlap.
    """
    for day in sorted({one.valid_from for one in known}):
        for one, other in combinations(in_force(known, day), 2):
            mine, theirs = (tuple(map(ipaddress.ip_network, each.networks)) for each in (one, other))
            lines = f"school {one.school} has the lines {one.line} and {other.line} on {day}"
            if not mine or not theirs:
                raise TermsError("networks", f"{lines}; give the public addresses of each, to tell their tests apart")
            if any(_as_recorded(a).overlaps(_as_recorded(b)) for a in mine for b in theirs):
                raise TermsError(
                    "networks",
                    f"{lines}, and their networks overlap as far as test servers tell (an IPv4 /24, an IPv6 /48);"
                    " each needs its own",
                )


def _as_recorded(network: _Network) -> _Network:
    """Return the network that a test server's record names of an address in it (agent.contract.record)."""
    widest = 24 if network.version == 4 else 48
    return network if network.prefixlen <= widest else network.supernet(new_prefix=widest)


def listed(
    connection: Connection, *, school: str | None, operator: str | None, day: date | None, zone: tzinfo
) -> list[HeldContract]:
    """Return the contracts that the viewer may see, and of schools without any on a day that they have none.

    Args:
        connection: whose rights count.
        school: of this one.
        operator: with this one; then nothing is said of schools without a contract.
        day: what holds on it; null: all records, as they stand today.
        zone: whose days are meant.

    Raises:
        NotFound: the viewer sees neither such a school nor a contract of it.
    """
    records = agreements.terms_of(connection, schools=None if school is None else [school], operator=operator)
    by_school: dict[str, list[Terms]] = {}
    for one in records:
        by_school.setdefault(one.school, []).append(one)
    visible = schools.schools(connection) if school is None else schools.schools_by_id(connection, [school])
    if school is not None and not visible and not records:
        raise NotFound(f"there is no school {school!r} that you may see; ids are text, leading zeros count")
    today = day or datetime.now(zone).date()
    found: list[HeldContract] = []
    for each in sorted({*by_school, *(one.school_id for one in visible if operator is None and one.closed_on is None)}):
        held = _held(by_school.get(each, []), today, zone, only_holding=day is not None)
        found += held or [HeldContract(school=each, state="no contract")]
    return found


def of_schools(
    connection: Connection, school_ids: Sequence[str], *, operator: str | None, zone: tzinfo, now: datetime
) -> dict[str, list[HeldContract]]:
    """Return all records of these schools' contracts that the viewer may see, by school, as they stand today."""
    today = now.astimezone(zone).date()
    by_school: dict[str, list[Terms]] = {school_id: [] for school_id in school_ids}
    for one in agreements.terms_of(connection, schools=school_ids, operator=operator):
        by_school[one.school].append(one)
    return {each: _held(records, today, zone, only_holding=False) for each, records in by_school.items()}


def _held(records: Sequence[Terms], day: date, zone: tzinfo, *, only_holding: bool) -> list[HeldContract]:
    holding = in_force(records, day)
    newest = {(one.line, one.contract): one.number for one in sorted(records, key=lambda one: one.number)}
    rows = []
    for one in records:
        state: State = "amended" if one.number < newest[one.line, one.contract] else "ended"
        if one in holding:
            state = "holds"
        elif one.valid_from > day:
            state = "not yet"
        if state == "holds" or not only_holding:
            rows.append(
                HeldContract(
                    school=one.school,
                    state=state,
                    line=one.line,
                    backdated=is_backdated(one, zone),
                    sha256=canonical.sha256(canonical.encode(one)).hex(),
                    terms=one,
                )
            )
    return rows


def is_backdated(terms: Terms, zone: tzinfo) -> bool:
    """Tell whether terms were recorded after they began."""
    return terms.recorded_at.astimezone(zone).date() > terms.valid_from


def _keep(connection: Connection, new: Terms, region_id: str, now: datetime) -> None:
    agreements.keep_terms(connection, new, region_id)
    # An amendment may end what went on until today.
    last = now.date() if new.valid_to is None or new.number > 1 else min(now.date(), new.valid_to)
    again.judge(connection, [new.school], new.valid_from, last, now)


def _newest(wish: TermsWish, known: Iterable[Terms]) -> Terms:
    mine = [one for one in known if (one.line, one.contract) == (wish.line, wish.contract)]
    return max(mine, key=lambda one: one.number)


def _check_itself(wish: TermsWish) -> None:
    if wish.valid_to is not None and wish.valid_to < wish.valid_from:
        raise TermsError("valid_to", f"{wish.valid_to} lies before valid_from, {wish.valid_from}")
    promised = (*(getattr(wish, f"{way}_bps") for way in WAYS), wish.rtt_ms, wish.outage_h_per_year)
    if all(one is None for one in promised):
        raise TermsError("download_bps", "nothing is promised: no speed, no round trip, no availability")
    for way in WAYS:
        most, normal, least = (getattr(wish, f"{way}{which}_bps") for which in ("", "_normal", "_minimum"))
        known = [one for one in (least, normal, most) if one is not None]
        if known != sorted(known) or (most is None and known):
            raise TermsError(f"{way}_bps", "the least is at most the normal speed, and that at most the promised one")
    rules = shipped_standard().rules
    if wish.rule not in rules:
        raise TermsError("rule", f"there is no rule {wish.rule!r}; config/sla.toml has {', '.join(sorted(rules))}")
    _check_price(wish)
    for network in wish.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise TermsError("networks", f"{network!r} is no network as 203.0.113.0/29: {error}") from error


def _check_price(wish: TermsWish) -> None:
    price = wish.price_per_month
    if (price is None) != (wish.currency is None):
        raise TermsError("currency", "a price needs its currency (ISO 4217, as KZT), and a currency its price")
    if price is not None and not (price.is_finite() and 0 < price < Decimal(10) ** 12):
        raise TermsError("price_per_month", f"{price} is no price")
    if price is None and wish.reduction != "none":
        raise TermsError("price_per_month", "a reduction is a share of the price; write it, or the reduction none")


def _check_amendment(new: Terms, newest: Terms) -> None:
    if new.operator != newest.operator:
        raise TermsError(
            "operator",
            f"contract {new.contract} is {newest.operator}'s; end it with an amendment and give the new one its own id",
        )
    if new.valid_from < newest.valid_from:
        raise TermsError(
            "valid_from",
            f"contract {new.contract} was amended from {newest.valid_from} on; a later amendment cannot begin before",
        )
