"""What a session looks at beside the line, and how often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from agent import extras, probes, session
from agent.contract.measurement import Failed, Skipped
from agent.contract.peer import Peer
from agent.contract.services import Services, VideoLesson
from agent.contract.wifi import Wifi
from agent.contract.wire import Inside, PeerCard, PlatformAsked, Policy
from agent.errors import ProbeUnavailable
from agent.outbox import Outbox
from tests.fakes.computer import throughput

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
AGENT = "0" * 32
KEY = bytes(range(32))
LESSON = VideoLesson(streams=4, bitrate_bps=2.5e6, played_s=12.0)
WITH_KEY = Policy(inside=Inside(peer_key=KEY))


@pytest.fixture(autouse=True)
def with_wifi(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with a Wi-Fi card; this one may have none."""
    monkeypatch.setattr(extras.wifi, "interfaces", lambda: ("wlan0",))


def after(outbox: Outbox, *seen: object) -> None:
    extras.remember(seen, outbox, NOW)


def test_everything_is_due_at_first(outbox: Outbox) -> None:
    """What was never looked at is looked at now, other computers only where the school has a key."""
    assert extras.due(WITH_KEY, outbox, NOW) == ("wifi", "services", "peer")
    assert extras.due(Policy(), outbox, NOW) == ("wifi", "services")


def test_without_a_card_or_scans_there_is_no_wifi(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with a cable only is not asked about Wi-Fi, and a policy of no scans is kept."""
    assert "wifi" not in extras.due(Policy(inside=Inside(wifi_scans_per_day=0)), outbox, NOW)
    monkeypatch.setattr(extras.wifi, "interfaces", tuple)
    assert "wifi" not in extras.due(Policy(), outbox, NOW)


@pytest.mark.parametrize("trouble", [ProbeUnavailable("the service WlanSvc does not run"), OSError("no such device")])
def test_a_system_without_wifi_still_measures(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """A computer whose system has nothing that knows of Wi-Fi has no card: its other probes run."""

    def refuse() -> tuple[str, ...]:
        raise trouble

    monkeypatch.setattr(extras.wifi, "interfaces", refuse)
    assert extras.due(Policy(), outbox, NOW) == ("services",)


@pytest.mark.parametrize(
    ("seen", "name", "hours"),
    [
        (Wifi(interface="wlan0", source="nl80211"), "wifi", 11),
        (Services(), "services", 23),
        (Peer(found=0), "peer", 23),
        (Failed(probe="peer", failure="busy"), "peer", 23),
    ],
)
def test_each_has_its_pace(outbox: Outbox, seen: object, name: str, hours: int) -> None:
    """What was looked at comes again after its time, an hour early allowed, however it came out."""
    after(outbox, seen)
    assert name not in extras.due(WITH_KEY, outbox, NOW + timedelta(hours=hours, minutes=-1))
    assert name in extras.due(WITH_KEY, outbox, NOW + timedelta(hours=hours))


@pytest.mark.parametrize("name", ["wifi", "services", "peer"])
def test_what_was_skipped_is_not_done(outbox: Outbox, name: str) -> None:
    """Whatever was skipped, for its price or because it could not run, is due in the next session still."""
    after(outbox, Skipped(probe=name, reason="no more today"))
    assert name in extras.due(WITH_KEY, outbox, NOW + timedelta(hours=1))


def test_a_clock_that_was_wrong_stops_nothing(outbox: Outbox) -> None:
    """A note from the future does not keep a probe from running."""
    after(outbox, Services())
    assert "services" in extras.due(Policy(), outbox, NOW - timedelta(days=400))


@pytest.mark.parametrize(
    ("left", "days", "most"),
    [(None, 0, None), (5_000_000, 0, 5_000_000), (0, 0, 1), (None, 7, None), (None, 2, 1), (5_000_000, 2, 1)],
)
def test_a_video_lesson_is_rare_and_takes_what_is_left(
    outbox: Outbox, left: int | None, days: int, most: int | None
) -> None:
    """It is played as seldom as the long capacity test, within the data budget, and not where nothing is left."""
    if days:
        after(outbox, Services(video=LESSON))
    given = extras.handed(Policy(), outbox, AGENT, left, NOW + timedelta(days=days))
    assert given["services"].get("max_bytes") == most


def test_a_look_without_a_lesson_is_none(outbox: Outbox) -> None:
    """Where no lesson was played, the next look may play one."""
    after(outbox, Services())
    assert "max_bytes" not in extras.handed(Policy(), outbox, AGENT, None, NOW)["services"]


def test_what_is_handed_makes_probes(outbox: Outbox) -> None:
    """Every setting that the policy hands on is one that its probe takes, with a full policy and an empty one."""
    full = Inside(
        own_ssids_hex=("6b6c617373",),
        own_bssid_prefixes=("aa:bb:cc",),
        peer_key=KEY,
        peers=(PeerCard(agent=AGENT, addresses=("192.168.1.7",), port=8870),),
        platforms=(PlatformAsked(name="Kundelik", url="https://kundelik.kz/"),),
        cameras_registered=8,
    )
    for inside in (full, Inside()):
        for name, settings in extras.handed(Policy(inside=inside), outbox, AGENT, None, NOW).items():
            probes.make(name, settings)


def test_the_shipped_platforms_stand_where_the_policy_names_none(outbox: Outbox) -> None:
    """An empty list of the policy means that it does not know, not that there are none."""
    assert "platforms" not in extras.handed(Policy(), outbox, AGENT, None, NOW)["services"]


def test_cameras_are_told_how_fast_the_line_sends() -> None:
    """The upload that a session has just measured is handed to what comes after it."""
    seen = throughput(20e6, 4.5e6)
    plan = session._with_upload(session.Plan(handed={"services": {"cameras_registered": 3}}), seen)
    assert plan.handed["services"] == {"cameras_registered": 3, "upload_bps": seen.upload.ip_bps}
    nothing = msgspec.structs.replace(seen, upload=None)
    assert session._with_upload(plan, nothing) == plan


@pytest.mark.parametrize(
    "changes", [{"upload": {"paced_bps": 5e6, "ip_high_bps": None}}, {"tainted": ("link_limited",)}]
)
def test_cameras_are_not_told_at_least(changes: dict[str, Any]) -> None:
    """A test that its pace bound, or that something else spoiled, does not say how much the line sends."""
    seen = throughput(20e6, 4.5e6)
    upload = msgspec.structs.replace(seen.upload, **changes.pop("upload", {}))
    plan = session.Plan()
    assert session._with_upload(plan, msgspec.structs.replace(seen, upload=upload, **changes)) == plan
