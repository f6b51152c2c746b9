import io
import sys

import msgspec
import pytest
from rich.console import Console

from agent import cli, identity, probes, survey
from agent.contract import report
from agent.contract.coverage import Heard
from agent.contract.errors import SettingsError
from agent.contract.lan import Echoes, Lan
from agent.contract.measurement import Link
from agent.contract.peer import Peer, Reached
from agent.contract.values import Denied
from agent.contract.wifi import Network, Wifi, WifiConnection
from agent.contract.wire import Inside, Policy
from agent.errors import ProbeUnavailable
from agent.session import Session
from tests.agent.conftest import as_json
from tests.fakes.collector import Scripted

SCHOOL_SSID = b"Mektep".hex()
LINK = Link(interface="wlan0", medium="wifi", adapter="Test adapter AX210", gateway="127.0.0.1")
ROUTER = Lan(
    interface="wlan0",
    gateway="192.168.1.1",
    gateway_echoes=Echoes(protocol="icmp", sent=20, received=20, median_ms=3.2, p95_ms=9.0, loss_ratio=0.0),
)


def wifi(signal_dbm, **changes):
    """Return three scans that heard the school's access point so strong; none heard where it is null."""
    own = Network(
        bssid="02:aa:bb:cc:dd:ee",
        ssid="Mektep",
        ssid_hex=SCHOOL_SSID,
        channel=36,
        frequency_mhz=5180,
        signal_dbm=signal_dbm,
        signal_p20_dbm=signal_dbm,
        own=True,
        frames=3,
    )
    values = {"interface": "wlan0", "source": "test", "scans": 3, "own_known": True}
    values["networks"] = () if signal_dbm is None else (own,)
    return Wifi(**(values | changes))


def seen(*measurements):
    """Return a session of a stop."""
    return Session(measurements=measurements, session_s=12.0, server=None)


@pytest.fixture
def wifi_probe(tmp_path, monkeypatch):
    """Put a Wi-Fi card that hears what is written here in the place of this computer's."""

    def put(measure):
        folder = tmp_path / "cards"
        folder.mkdir(exist_ok=True)
        (folder / "wifi.py").write_text(
            "from typing import Any, ClassVar\nfrom msgspec import Struct\nimport msgspec\n"
            "from agent.errors import ProbeUnavailable\nfrom agent.contract.measurement import *\n"
            "from agent.contract.wifi import Wifi, Network\n"
            "class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):\n"
            "    takes_the_line: ClassVar[bool] = False\n    needs_server: ClassVar[bool] = False\n"
            "    fresh: bool = False\n    scans: int = 1\n"
            "    own_ssids_hex: tuple[str, ...] = ()\n    own_bssid_prefixes: tuple[str, ...] = ()\n"
            f"    def measure(self, deadline_s):\n        {measure}\n"
        )
        monkeypatch.setattr(probes, "__path__", [str(folder), *probes.__path__])
        monkeypatch.delitem(sys.modules, "agent.probes.wifi", raising=False)
        monkeypatch.delattr(probes, "wifi", raising=False)

    yield put
    sys.modules.pop("agent.probes.wifi", None)


def hears(signal_dbm):
    """Return the body of a measure method that heard this."""
    raw = msgspec.json.encode(wifi(signal_dbm))
    return f"assert self.fresh and self.scans == 3; return msgspec.json.decode({raw!r}, type=Wifi)"


@pytest.fixture
def walk(station, quick_config, capsys):
    """Run the command here and return its exit code, stdout and stderr."""

    def run(*words):
        code = cli.main(["survey", *words, "--state", str(station.state), "--config", str(quick_config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def told(collector, **inside):
    """Let the collector tell this of the inside of the school."""
    collector.policy = msgspec.structs.replace(collector.policy, version=7, inside=Inside(**inside))


def shown(result, session, *, width=80, encoding="utf-8", terminal=False):
    """Return what a console of this kind shows of a stop."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    survey.show(Console(file=stream, width=width, force_terminal=terminal, legacy_windows=False), result, session)
    stream.flush()
    return raw.getvalue().decode(encoding)


def result(answer="good", signal_dbm=-61.0, **changes):
    """Return what a stop found."""
    values = {
        "stop": survey.Stop(room="Кабинет 12", floor="2"),
        "answer": answer,
        "borderline": False,
        "heard": Heard(signal_dbm=signal_dbm, bssid="02:aa:bb:cc:dd:ee", ssid="Mektep", ssid_hex=SCHOOL_SSID),
        "rooms": 30,
        "missing": tuple(f"Room {number}" for number in range(1, 29)),
        "sent": True,
    }
    return survey.Result(**(values | changes))


def test_a_stop_is_one_signed_report_that_reaches_the_collector(station, collector, walk, wifi_probe):
    """The report says survey, room and floor, holds the look, and what is missing comes from the collector after it."""
    wifi_probe(hears(-61))
    told(collector, rooms=("12", "13", "14"), rooms_missing=("13", "14"))
    code, out, err = walk("--room", " 12 ", "--floor", "2")
    assert (code, err) == (0, "")
    (payload,) = collector.stored.values()
    stored = report.decode(payload)
    assert (stored.trigger, stored.room, stored.floor) == ("survey", "12", "2")
    assert [type(one).__name__ for one in stored.read_measurements()][:2] in (["Link", "Wifi"], ["Skipped", "Wifi"])
    assert "GOOD  -61 dBm" in out
    assert "1 of 3 done" in out
    assert "13   14" in out
    assert identity.load_policy(station.state).version == 7


def test_without_a_network_the_stop_is_kept_and_the_walk_goes_on(station, collector, walk, wifi_probe):
    """In a room without coverage nothing can be sent: exit 0, and the room counts as walked to on this computer."""
    wifi_probe(hears(None))
    identity.save_policy(station.state, Policy(inside=Inside(rooms=("12", "13"), rooms_missing=("12", "13"))))
    collector.answers.extend([Scripted(hang_up=True)] * 10)
    code, out, _ = walk("--room", "13")
    assert code == 0
    assert "NONE  no network of the school is heard here" in out
    assert "Kept on this computer and sent later" in out
    assert "1 of 2 done" in out
    assert station.outbox.contents().reports == 1
    collector.answers.clear()
    code, out, _ = walk("--room", "12")
    assert code == 0
    assert len(collector.stored) == 2


def test_json_is_the_report_with_the_result_beside_it(walk, wifi_probe):
    """One line of JSON on stdout and nothing else."""
    wifi_probe(hears(-70))
    code, out, _ = walk("--room", "12", "--json")
    found = as_json(out)
    assert code == 0
    assert found["trigger"] == "survey"
    assert found["survey"]["answer"] == "weak"
    assert found["survey"]["borderline"] is True
    assert any(one["kind"] == "wifi" for one in found["measurements"])


def test_without_a_wifi_card_it_says_so_and_records_nothing(station, walk, wifi_probe):
    """Exit 3: such a computer can say nothing of a room."""
    wifi_probe("raise ProbeUnavailable('this computer has no Wi-Fi card')")
    code, out, err = walk("--room", "12")
    assert (code, out) == (3, "")
    assert "a survey needs a computer with Wi-Fi: this computer has no Wi-Fi card" in err
    assert station.outbox.contents().reports == 0


def test_an_adapter_that_is_pulled_out_is_a_result(walk, collector, wifi_probe):
    """A scan that fails is recorded as such; the room stays missing, and it is said why."""
    wifi_probe("return Failed(probe='wifi', failure='host_error', detail='the adapter was taken out')")
    told(collector, rooms=("12",), rooms_missing=("12",))
    code, out, _ = walk("--room", "12")
    assert code == 0
    assert "NOT KNOWN" in out
    assert "the adapter was taken out" in " ".join(out.split())
    assert "0 of 1 done" in out


@pytest.mark.parametrize(
    "words", [("--room", " "), ("--room", "\u200b"), ("--room", "x" * 129), ("--room", "1", "--floor", "y" * 65)]
)
def test_labels_that_are_none_are_refused(walk, words):
    """Exit 2 with a sentence, before anything is measured."""
    code, out, err = walk(*words)
    assert (code, out) == (2, "")
    assert words[-2] in err


def test_a_computer_without_a_school_cannot_walk(tmp_path, capsys):
    """A stop belongs to a school: exit 2 and how to enrol."""
    assert cli.main(["survey", "--room", "1", "--state", str(tmp_path)]) == 2
    assert "netready-agent enroll" in capsys.readouterr().err


def test_before_anything_is_known_the_connected_network_counts():
    """No own network known and none connected: nothing learnt; connected: that access point is the room's."""
    blind = seen(LINK, wifi(None, own_known=False))
    connected = msgspec.structs.replace(LINK, wifi=WifiConnection(source="t", ssid="Mektep", signal_dbm=-66))
    (warning,) = survey._warnings(blind, None, Inside())
    assert warning.startswith("Nothing was learnt of this room")
    heard = survey.coverage.heard_in(wifi(None, own_known=False), connected)
    assert heard.signal_dbm == -66


def test_a_phone_in_the_pocket_is_noticed():
    """Connected to a network that is not the school's: said, because that network would walk along."""
    phone = Heard(signal_dbm=-30, ssid="iPhone", ssid_hex=b"iPhone".hex())
    (warning,) = survey._warnings(seen(wifi(-30)), phone, Inside(own_ssids_hex=(SCHOOL_SSID,)))
    assert warning.startswith("iPhone is not known as the school's.")


def test_what_was_denied_comes_with_the_setting_to_change():
    """A refused list of networks and an old one are said."""
    refused = wifi(-60, age_s=42.0, denied=(Denied(what="neighbours", setting="ms-settings:privacy-location"),))
    told = list(survey._warnings(seen(refused), Heard(signal_dbm=-60.0), Inside()))
    assert any("42 s old" in one for one in told)
    assert any("ms-settings:privacy-location" in one for one in told)


@pytest.mark.parametrize(("width", "encoding"), [(80, "utf-8"), (80, "cp866"), (40, "ascii")])
def test_it_fits_the_terminal_whatever_its_letters(width, encoding):
    """No line is too long, the verdict is a word and not only a colour, and an old console gets plain signs."""
    name = "12" if encoding == "ascii" else "Кабинет 12"
    made = result(stop=survey.Stop(room=name, floor="2"), borderline=True)
    text = shown(made, seen(LINK, wifi(-66), ROUTER), width=width, encoding=encoding)
    assert all(len(line) <= width for line in text.splitlines())
    assert "GOOD" in text
    assert "2 of 30 done" in " ".join(text.split())
    assert "and 4 more" in text
    assert "\x1b" not in text


def test_a_label_is_never_read_as_markup():
    """A room called [red]12[/red] is shown as it is written, and so is a network's name."""
    odd = Heard(signal_dbm=-50, ssid="[blink]x", ssid_hex="00")
    made = result(stop=survey.Stop(room="[red]12[/red]"), heard=odd, missing=("[b]13", "\u0627\u0628"))
    text = shown(made, seen(LINK, wifi(-50)))
    assert "Room: [red]12[/red]" in text
    assert "[blink]x" in text
    assert "[b]13" in text


def test_the_other_computers_are_shown_where_asked():
    """With --peer, how fast they were reached, or that they were not."""
    one = Reached(agent="ab" * 16, found_by="mdns", address="192.168.1.7", download_bps=94e6, upload_bps=93e6)
    two = Reached(agent="cd" * 16, found_by="collector", failure="connect_timeout")
    text = shown(result(), seen(LINK, wifi(-61), Peer(found=2, peers=(one, two))))
    assert "192.168.1.7 94 down, 93 up Mbit/s" in text
    assert "not reached" in text


def test_the_last_room_is_thanked_for():
    """When nothing is missing the walk is over."""
    assert "No room of the register is missing" in shown(result(missing=()), seen(wifi(-61)))


def test_a_settings_error_names_the_option():
    """What is wrong with a label is said by its option."""
    with pytest.raises(SettingsError, match="--room: write the room as its door shows it"):
        survey.stop_of("\u202e", None)


def test_a_walk_needs_no_wifi_card_to_be_refused_politely(station, tmp_path):
    """On a computer without Wi-Fi, as most of our build machines, the real probe says so."""
    from agent.host import wifi as card

    if card.interfaces():
        pytest.skip("this computer has a Wi-Fi card")
    with pytest.raises(ProbeUnavailable, match="a survey needs a computer with Wi-Fi"):
        survey.walk(station, survey.stop_of("12", None), lambda _: None)
