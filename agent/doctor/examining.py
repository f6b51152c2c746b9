"""Makes all checks side by side, each with a deadline of its own; one that fails or hangs is itself a finding."""

import queue
import threading
import time
from collections.abc import Callable

from msgspec import Struct

import agent
from agent.contract.errors import NetreadyError
from agent.doctor import home, installation, line, work
from agent.doctor.far import Far
from agent.doctor.finding import Examination, Finding, Found, LeftOut, LeftOutFor, unknown
from agent.doctor.installation import Installation, Place
from agent.doctor.veil import Veil

_HERE_S = 8.0
_FAR_S = 15.0


class Check(Struct, frozen=True, kw_only=True):
    """One check: its name and title, why it matters, the work, and how long it may take."""

    name: str
    title: str
    why: str
    work: Callable[[], Found]
    within_s: float = _HERE_S
    left_out: LeftOutFor | None = None


def examine(place: Place, *, offline: bool = False) -> Examination:
    """Make every check and return what was found; takes some 15 seconds at most, changes and measures nothing."""
    began = time.monotonic()
    here = installation.read(place)
    veil = installation.veil_of(here)
    checks = _checks(here, offline=offline)
    findings = _made([each for each in checks if each.left_out is None], veil)
    return Examination(
        version=agent.__version__,
        made_at=place.clock.now(),
        took_s=round(time.monotonic() - began, 1),
        faults=sum(each.result == "fault" for each in findings),
        warnings=sum(each.result == "warning" for each in findings),
        findings=tuple(findings),
        left_out=tuple(
            LeftOut(name=each.name, title=each.title, reason=each.left_out)
            for each in checks
            if each.left_out is not None
        ),
    )


def _checks(here: Installation, *, offline: bool) -> list[Check]:
    """Return the checks in the order in which one fault leads to the next."""
    far = Far(here)
    away: LeftOutFor | None = "offline" if offline else None
    nobody: LeftOutFor | None = away or (None if here.collector else "not enrolled")
    has_clock_to_ask = nobody is None
    return [
        Check(
            name="software",
            title="Software",
            why="An old version lacks what newer ones put right.",
            work=lambda: home.software(here),
        ),
        Check(
            name="settings",
            title="Settings",
            why="With settings that cannot be read the service does not start.",
            work=lambda: home.settings(here),
        ),
        Check(
            name="state",
            title="State folder",
            why="The key and the unsent reports lie there; without it nothing can be kept.",
            work=lambda: home.state(here),
        ),
        Check(
            name="enrolment",
            title="School",
            why="Only a computer that belongs to a school measures and reports.",
            work=lambda: home.enrolment(here),
        ),
        Check(
            name="clone",
            title="Copied image",
            why="Of computers that share a key only one is believed.",
            work=lambda: home.clone(here),
        ),
        Check(
            name="service",
            title="Service",
            why="Without it nothing is measured and nothing sent.",
            work=lambda: work.running(here, work.unit_of_system()),
        ),
        Check(
            name="crashes",
            title="Crashes",
            why="A service that ends again and again is started ever more seldom.",
            work=lambda: work.crashed(here),
        ),
        Check(
            name="memory",
            title="Memory",
            why="A small computer needs its memory for lessons.",
            work=lambda: work.memory(here),
        ),
        Check(
            name="power",
            title="Power, cost",
            why="On a connection that is paid for by volume less is measured.",
            work=lambda: work.power(here),
        ),
        Check(
            name="route",
            title="Route",
            why="Without a way out neither tests nor reports leave.",
            work=lambda: line.route(here),
            left_out=away,
        ),
        Check(
            name="ip",
            title="IPv4, IPv6",
            why="Many servers have addresses of one kind only.",
            work=lambda: line.families(here),
            left_out=away,
        ),
        Check(
            name="names",
            title="Names",
            why="Servers are found by their names.",
            work=lambda: line.names(here),
            within_s=_FAR_S,
            left_out=nobody,
        ),
        Check(
            name="proxy",
            title="Proxy",
            why="Where a proxy is prescribed, reports have to take it.",
            work=lambda: line.through(here),
            within_s=_FAR_S,
            left_out=nobody,
        ),
        Check(
            name="tls",
            title="Certificate",
            why="Reports go only to a collector that can prove who it is.",
            work=lambda: line.trust(far),
            within_s=_FAR_S,
            left_out=nobody,
        ),
        Check(
            name="clock",
            title="Clock",
            why="Certificates and reports are judged by the time.",
            work=lambda: line.clock(here, far if has_clock_to_ask else None),
            within_s=_FAR_S,
        ),
        Check(
            name="collector",
            title="Collector",
            why="It takes the reports and says what is to be measured.",
            work=lambda: line.collector(here, far),
            within_s=_FAR_S,
            left_out=nobody,
        ),
        Check(
            name="servers",
            title="Test servers",
            why="Against them the line is measured.",
            work=lambda: line.servers(here),
            within_s=_FAR_S,
            left_out=nobody or (None if line.of_probes(here) else "no servers known"),
        ),
        Check(
            name="outbox",
            title="Outbox",
            why="Reports wait there until the collector has them.",
            work=lambda: work.outbox(here),
        ),
        Check(
            name="sessions",
            title="Tests",
            why="A school is judged by tests on many school days.",
            work=lambda: work.sessions(here),
            left_out=None if here.identity else "not enrolled",
        ),
    ]


def _made(checks: list[Check], veil: Veil) -> list[Finding]:
    answers = [_begun(each) for each in checks]
    began = time.monotonic()
    found = []
    for check, answer in zip(checks, answers, strict=True):
        try:
            one = answer.get(timeout=max(0.0, began + check.within_s - time.monotonic()))
        except queue.Empty:
            one = unknown(f"this could not be found out within {check.within_s:.0f} s", "See the faults first.")
        found.append(_veiled(check, one, veil))
    return found


def _begun(check: Check) -> "queue.SimpleQueue[Found]":
    """Begin a check in a thread that nobody waits for at the end: a look-up of a name may hang for minutes."""
    answer: queue.SimpleQueue[Found] = queue.SimpleQueue()

    def work() -> None:
        try:
            answer.put(check.work())
        except NetreadyError as error:
            answer.put(unknown(f"it could not be looked at: {error}"))
        except OSError as error:
            answer.put(unknown(f"it could not be looked at: {error.strerror or error}"))
        except Exception as error:  # noqa: BLE001 - here a bug of ours must not hide what the other checks found
            answer.put(unknown(f"the check itself failed: {type(error).__name__}: {error}", "Send this to support."))

    threading.Thread(target=work, name=f"doctor {check.name}", daemon=True).start()
    return answer


def _veiled(check: Check, found: Found, veil: Veil) -> Finding:
    return Finding(
        name=check.name,
        title=check.title,
        result=found.result,
        seen=veil.over(found.seen),
        why=check.why,
        advice=veil.over(found.advice) if found.advice else "",
    )
