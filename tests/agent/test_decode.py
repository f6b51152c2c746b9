"""The command ``decode``, as scripts use it."""

import json
import subprocess
import sys

import msgspec
import pytest

from agent import cli
from agent.contract.wifi import Network
from agent.host.wifi import decode
from tests.fakes import ieee80211 as air

KEYS = {
    "bssid", "ssid", "ssid_hex", "channel", "frequency_mhz", "signal_dbm", "signal_percent", "security", "generation",
    "stations", "utilisation", "associated",
}  # fmt: skip


def beacon(number):
    parts = air.rates() + air.ds(6) + air.load(number % 50, number % 256) + air.rsn(2, 8) + air.ht(6) + air.he()
    made = air.frame(air.address(number), air.ssid(b"school %d" % number) + parts, checksum=True)
    return air.radiotap(made, dbm=-40 - number % 50, mhz=2442, flags=0x10)


def test_it_prints_one_object(tmp_path, capsys):
    """Every key is there, names are written so that no console's alphabet can change them, and the code is 0."""
    file = tmp_path / "beacons.pcap"
    file.write_bytes(air.pcap([air.radiotap(air.frame(air.address(1), air.ssid("Мектеп".encode()) + air.ds(11)))]))
    assert cli.main(["decode", "pcap", str(file)]) == 0
    told = capsys.readouterr()
    assert told.out.isascii()
    assert told.err == ""
    (network,) = json.loads(told.out)["networks"]
    assert network.keys() >= KEYS
    assert (network["bssid"], network["ssid"], network["channel"]) == ("02:00:00:00:00:01", "Мектеп", 11)
    assert (network["signal_dbm"], network["associated"], network["security"]) == (None, False, "open")


@pytest.mark.parametrize("name", decode.FORMATS)
@pytest.mark.parametrize("content", [b"", b"\n \n", b"hello", bytes(range(256)), b"\xff\xd8\xff\xe0" + bytes(500)])
def test_other_files_end_in_a_sentence(tmp_path, capsys, name, content):
    """Empty files and garbage in every format: exit 2, the file's name and what is wrong, nothing on stdout."""
    file = tmp_path / "garbage"
    file.write_bytes(content)
    assert cli.main(["decode", name, str(file)]) == 2
    told = capsys.readouterr()
    assert (told.out, str(file) in told.err, told.err.count("\n")) == ("", True, 1)


def test_wrong_use(tmp_path, capsys):
    """A file that is not there, a folder, a format that is none."""
    for words, sentence in (
        (["pcap", str(tmp_path / "nowhere")], "cannot be read"),
        (["netsh", str(tmp_path)], "cannot be read"),
        (["pdf", str(tmp_path)], "there are: pcap, iw-scan"),
    ):
        assert cli.main(["decode", *words]) == 2
        assert sentence in capsys.readouterr().err


def test_too_large_a_text(tmp_path, capsys):
    """A text of any size costs no more memory than the limit."""
    file = tmp_path / "huge.txt"
    with file.open("wb") as huge:
        huge.truncate(decode.MAX_TEXT_BYTES + 1)
        huge.write(b"x")
    assert cli.main(["decode", "iw-scan", str(file)]) == 2
    assert "larger than 32 MiB" in capsys.readouterr().err


def test_a_broken_capture_says_so(tmp_path, capsys):
    """What could be read is printed, and stderr tells what could not."""
    file = tmp_path / "cut.pcapng"
    file.write_bytes(air.pcapng([beacon(1), beacon(2)])[:-7])
    assert cli.main(["decode", "pcap", str(file)]) == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)["networks"]) == 1
    assert "record 1" in told.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak of memory in /proc")
def test_twenty_thousand_frames_of_ten_thousand_networks(tmp_path):
    """They fit into 150 MiB, interpreter included, and the agent's own modules are all that is loaded for it."""
    file = tmp_path / "many.pcap"
    file.write_bytes(air.pcap([beacon(number % 10_000) for number in range(20_000)]))
    command = (
        "import sys; from pathlib import Path; from agent import cli; "
        "code = cli.main(['decode', 'pcap', sys.argv[1]]); "
        "status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines()); "
        "print(status['VmHWM'].split()[0], 'scapy' in sys.modules, file=sys.stderr); "
        "sys.exit(code)"
    )
    words = [sys.executable, "-c", command, str(file)]
    done = subprocess.run(words, capture_output=True, check=True, timeout=120, text=True)
    networks = json.loads(done.stdout)["networks"]
    assert (len(networks), networks[7]["signal_dbm"], networks[7]["frames"]) == (10_000, -47, 2)
    most, has_scapy = done.stderr.split()
    assert int(most) * 1024 < 150 * 2**20  # not getrusage's: on Linux that remembers the process that started this one
    assert has_scapy == "False"


def test_every_network_keeps_the_contract(tmp_path):
    """What is printed is a contract Network, its bounds included."""
    file = tmp_path / "beacons.pcap"
    file.write_bytes(air.pcap([beacon(number) for number in range(300)]))
    networks = decode.decode("pcap", file).networks
    assert msgspec.convert(msgspec.to_builtins(networks), tuple[Network, ...]) == networks
