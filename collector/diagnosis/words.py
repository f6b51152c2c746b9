"""What the rules shared with the agent say in English (agent.contract), so that it can be said in other languages.

Those rules know nothing of catalogues: their sentences, figures and units are plain English. Here stands the same text
with its gaps, for translators; a test finds whatever a rule says and this does not know.
"""

import re
from functools import cache
from string import Formatter

from collector.words import Sentence, mark

_ROGUE = mark(
    "Computers of one network get their addresses from different devices ({names}): find the one that is not the"
    " router's, often a home router plugged in the wrong way round, and unplug it."
)
_SECOND_GATEWAY = mark(
    "Computers of one network go out through different routers ({names}): only one of them is the school's; unplug the"
    " other."
)
BETWEEN_COMPUTERS = {"rogue_dhcp": _ROGUE, "second_gateway": _SECOND_GATEWAY}
"""The defects that only several computers together show: said here alone."""

_DEFECTS = (
    _ROGUE,
    _SECOND_GATEWAY,
    mark(
        "More than one device hands out addresses ({servers}): find the one that is not the router's, often a home"
        " router plugged in the wrong way round, and unplug it."
    ),
    mark("Two devices use one address: let all of them get theirs automatically (DHCP)."),
    mark("Two routers stand one behind the other: set the inner one to work as an access point only."),
    mark("The name server {address} is slow, so that every page begins late: use another one."),
    mark("The name server {address} does not answer: remove it from the router's settings."),
    mark("The name server {address} gives false answers: ask whoever runs it, or use another one."),
    mark("Broadcasts flood the network: look for a cable that connects two sockets of the same switch."),
    mark("The school's Wi-Fi is open to everybody: set WPA2 or WPA3 with a password."),
    mark(
        "Packets of the usual size do not reach the router: set the MTU to 1500 on this computer and the devices in"
        " between."
    ),
    mark(
        "Packets are lost between this computer and the router, so that video lessons stutter even where the speed is"
        " good: try another cable and port, or come nearer to the Wi-Fi access point."
    ),
    mark(
        "This computer cannot reach the school's other computers: the access point isolates its devices, a firewall"
        " blocks them, or they are in another network (VLAN)."
    ),
)
_MISSING = (
    mark("the speed that the contract promises"),
    mark("more tests, at other hours"),
    mark("tests on another day or against another server"),
    mark(
        "tests by cable while the school's router answers pings, or a second computer on a cable that runs this agent"
    ),
    mark("proof that nobody else used the line: the router's counters (UPnP), or tests after lessons"),
    mark(
        "proof that nothing in the school, such as cameras, sends all day: a router whose counters can be read (UPnP)"
    ),
    mark(
        "the speed of the computer's cable, which its system does not tell: a second computer on a cable that runs this"
        " agent, or a test on a computer that tells it"
    ),
    mark("a computer whose cable is faster than the line: those that measured cannot tell the line from their own"),
    mark("a test by cable with nothing at the computer that may be why it is slow"),
    mark("another test server: the ones asked do not agree"),
)
_FIGURES = (
    mark("download"),
    mark("upload"),
    mark("address servers (DHCP)"),
    mark("routers in one network"),
    mark("addresses that two devices have"),
    mark("routers behind each other"),
    mark("answers of the name server {address}"),
    mark("false answers of the name server {address}"),
    mark("own Wi-Fi without protection"),
    mark("largest packet to the router"),
    mark("computers of the school that do not answer"),
    mark("test marked {word}"),
    mark("processor during the test"),
    mark("this computer's other traffic"),
    mark("signal of the Wi-Fi"),
    mark("frames sent again"),
    mark("other networks on channel {channel}"),
    mark("devices on the access point"),
    mark("Wi-Fi older than 802.11n"),
    mark("share of the radio's rate used, download"),
    mark("share of the radio's rate used, upload"),
    mark("channel in use"),
    mark("on 2.4 GHz although the school's 5 GHz is heard here"),
    mark("channel width on 2.4 GHz"),
    mark("channel other than the usual 1, 6 and 11"),
    mark("rise of round trips beyond the router, download"),
    mark("rise of round trips beyond the router, upload"),
    mark("round trip to the router, before the test, 95 % within"),
    mark("round trip to the router, while downloading, 95 % within"),
    mark("round trip to the router, while uploading, 95 % within"),
    mark("round trip to the router, idle, 95 % within"),
    mark("round trip to the router under load, download, 95 % within"),
    mark("round trip to the router under load, upload, 95 % within"),
    mark("echoes lost on the way to the router"),
    mark("echoes lost on the idle way to the router"),
    mark("the school's traffic by the router's counters"),
    mark("waiting on the line before the test began"),
    mark("this computer's own traffic before the test"),
    mark("what the school's cameras may send"),
    mark("fastest computer inside"),
    mark("broadcasts and multicasts"),
    mark("link of this computer"),
    mark("link of this computer, full in the test"),
    mark("speed of this computer's cable not told"),
    mark("half duplex"),
    mark("a computer on a cable, reached over this Wi-Fi"),
    mark("damaged packets"),
    mark("tests that got what was promised"),
    mark("the nearest smaller plan, download"),
    mark("the nearest smaller plan, upload"),
    mark("computers on clean cables that agree"),
    mark("computers that are slow for this"),
    mark("tests of other computers at the same time"),
    mark("traffic of other computers around the test"),
)
_UNITS = (
    mark("addresses"),
    mark("answers"),
    mark("bytes"),
    mark("computers"),
    mark("devices"),
    mark("names"),
    mark("networks"),
    mark("packets"),
    mark("packets/s"),
    mark("routers"),
    mark("servers"),
    mark("tests"),
    mark("channel"),
    mark("of the channel's time"),
    mark("of the echoes"),
    mark("of the frames"),
    mark("of the link"),
    mark("of the packets"),
    mark("of the processor"),
    mark("of the radio's rate"),
    mark("of what is promised"),
    mark("of what passed"),
    mark("of what this computer moved"),
    mark("ms"),
    mark("dBm"),
    mark("dB"),
    mark("MHz"),
)
KNOWN = (*_DEFECTS, *_MISSING, *_FIGURES, *_UNITS)


def said(english: str) -> Sentence:
    """Return what a rule said as a sentence; one that is not known stays as it is."""
    plain, patterns = _known()
    if english in plain:
        return Sentence(english)
    for text, pattern in patterns:
        if (found := pattern.fullmatch(english)) is not None:
            return Sentence(text, found.groupdict())
    return Sentence("{text}", {"text": english})


def is_known(english: str) -> bool:
    """Tell whether a rule's text can be said in other languages."""
    return said(english).text != "{text}"


@cache
def _known() -> tuple[frozenset[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    gapped = [text for text in KNOWN if "{" in text]
    return frozenset(KNOWN) - set(gapped), tuple((text, re.compile(_pattern(text))) for text in gapped)


def _pattern(text: str) -> str:
    parts = Formatter().parse(text)
    return "".join(re.escape(before) + (f"(?P<{name}>.+)" if name else "") for before, name, _, _ in parts)
