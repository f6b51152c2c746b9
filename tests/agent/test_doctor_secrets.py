import json
import os
import string
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from agent import doctor, identity
from agent.contract.wire import Inside, Policy, Receipt
from agent.doctor import veil
from agent.doctor.installation import read, veil_of
from agent.doctor.veil import Veil
from agent.identity import Identity
from agent.outbox import Outbox
from tests.agent.conftest import SCHOOL, agent_of, report_maker

ROOT = Path(__file__).parents[2]
LETTERS = string.ascii_letters + string.digits + "ғқңөұүһ" + "!$%^*-_+=.:/@ "
# Not the words that a page is made of: such a secret could be read in any text.
WORDS = " ".join(file.read_text("utf-8").lower() for file in (ROOT / "agent").rglob("*.py"))
SECRETS = st.text(LETTERS, min_size=8, max_size=24).filter(
    lambda word: word == word.strip() and "  " not in word and len(set(word)) > 4 and word.lower() not in WORDS
)
_SHORTEST = 6
NAMES = st.text("АӘБВГҒДЕЖабвгғдеж" + string.ascii_lowercase, min_size=5, max_size=12).filter(
    lambda word: word.lower() not in WORDS
)


def planted(folder, secrets, parseable):
    """Make an installation whose every corner holds a secret; return where it is, and what is secret."""
    proxy, token, recovery, odd, user = secrets
    name, _, password = proxy.replace("/", "").replace("@", "").partition(":")
    if len(password) < _SHORTEST:  # a colon near the end of what was drawn: one letter is in any text
        password = "hunter2-hunter2"
    url = f"http://{name}:{password}@127.0.0.1:9"
    home = folder / "home" / user
    state = home / "state"
    state.mkdir(parents=True, mode=0o700)
    key, peer_key = SigningKey.generate(), os.urandom(32)
    who = Identity(
        agent=agent_of(key),
        school=SCHOOL,
        collector=f"http://{name}:{password}@127.0.0.1:9",
        enrolled_at=datetime.now(UTC),
    )
    identity.save(state, who, Policy(inside=Inside(peer_key=peer_key), servers=(f"ws://127.0.0.1:9/?token={token}",)))
    (state / "key").write_text(bytes(key).hex() if parseable else odd)
    (state / "key.new").write_text(odd)
    (state / "recovery-code").write_text(f"{recovery}\n")
    (state / "more.json").write_text(json.dumps({"recovery_code": recovery, "deep": [{"api_token": token}]}))
    outbox = Outbox(state, max_bytes=2**26, max_age_days=90)
    for _ in range(2):
        outbox.append(agent_of(key), who.collector, report_maker(key))
    waiting = outbox.oldest(who.collector, 1)[0]
    code = identity.recovery_code(key) if parseable else ""  # without the key nobody knows it
    told = (
        f"{code} {token} of {home}/x at {url}, {recovery}, {bytes(key).hex()}, from 93.184.216.34 or 2a00:1450:4010::8a"
    )
    outbox.settle([(waiting, Receipt(answer="refused", reason="signature", detail=told))])
    outbox.write_note("last trouble with the collector", told)
    config = home / "agent.toml"
    lines = ["[uplink]", f"proxy = {json.dumps(url, ensure_ascii=False)}", "[probes.msak]"]
    lines.append(f"token = {json.dumps(token, ensure_ascii=False)}")
    config.write_text("\n".join([*lines, "" if parseable else f"password = '{odd}' and more"]), "utf-8")
    environment = {"HOME": str(home), "USER": user, "NETREADY_TOKEN": token, "HTTPS_PROXY": url, "MY_PASSWORD": odd}
    secret = {
        identity.recovery_code(key),
        token,
        recovery,
        odd,
        password,
        bytes(key).hex(),
        peer_key.hex(),
        user,
        str(home),
        "93.184.216.34",
    }
    secret |= {msgspec.json.encode(peer_key).decode().strip('"'), "2a00:1450:4010::8a"}
    return doctor.Place(state=state, config=config, environment=environment), secret


def pages(place, *, offline):
    """Return what a person sees and what support gets, as one line each."""
    seen = doctor.examine(place, offline=offline)
    text = " ".join("\n".join(doctor.lines(seen)).split())
    return text, msgspec.json.encode(seen).decode()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    secrets=st.tuples(SECRETS, SECRETS, SECRETS, SECRETS, NAMES), parseable=st.booleans(), offline=st.just(value=True)
)
@example(
    secrets=("user:pa/ss@w0rd-9", "tok.en-token", "ABCD-EFGH-1234", "0f" * 32, "Қанат"), parseable=True, offline=False
)
@example(
    secrets=("ғүлнар:құпия сөз", "x=y z=w-w-w", "recovery:1", "odd/odd:odd@", "aigul"), parseable=False, offline=False
)
def test_no_secret_is_in_what_is_sent_to_support(secrets, parseable, offline):
    """Keys, tokens, codes, passwords, users and public addresses, wherever they lie: none is in text or JSON."""
    with tempfile.TemporaryDirectory() as folder:
        place, secret = planted(Path(folder), secrets, parseable)
        for page in pages(place, offline=offline):
            assert [one for one in secret if one in page] == []
            assert "in order" in page.lower() or '"ok"' in page


def test_the_words_that_help_stay(tmp_path):
    """What is hidden leaves the sentence readable: the server's address, the file's place, the collector's reason."""
    place, _ = planted(tmp_path, ("name:password1", "tok-en-tok-en", "ABCD-EFGH", "oddoddodd", "Қанат"), parseable=True)
    page, _ = pages(place, offline=True)
    assert "~/state" in page
    assert "signature" in page
    assert "from [a public address]" in page
    assert "http://127.0.0.1:9" in page


def test_the_examples_of_our_own_settings_hide_nothing(tmp_path):
    """The file that every package installs names a proxy of NAME and PASSWORD: words of the page, and no secret."""
    place = doctor.Place(state=tmp_path, config=ROOT / "config" / "agent.toml", environment={})
    sentence = "the proxy's name and its password are asked for by 1 name server"
    assert veil_of(read(place)).over(sentence) == sentence


def test_a_service_s_own_home_is_shown():
    """What runs as the service's user has its folder for a home: hidden, the page would not say where to look."""
    place = doctor.Place(state=Path("/var/lib/netready"), config=None, environment={"HOME": "/var/lib/netready"})
    assert veil_of(read(place)).over("in /var/lib/netready/x") == "in /var/lib/netready/x"


def test_the_whole_command_hides_what_the_environment_holds(tmp_path):
    """The real program with real variables: stdout, stderr and the written file are clean."""
    place, secret = planted(
        tmp_path, ("name:password1", "tok-en-tok-en", "ABCD-EFGH", "oddoddodd", "Қанат"), parseable=True
    )
    file = tmp_path / "page.txt"
    done = subprocess.run(
        [sys.executable, "-m", "agent", "doctor", "--state", place.state, "--config", place.config, "--write", file],
        cwd=ROOT,
        env=dict(os.environ) | place.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = done.stdout + done.stderr.replace(str(file), "") + file.read_text("utf-8")
    assert [one for one in secret if one in told] == []
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a:b@proxy.kz:3128/x?token=abc y", "http://proxy.kz:3128/x y"),
        ("in /home/a/state or /Users/d/x", "in ~/state or ~/x"),
        (r"in C:\Users\Әсел\netready", r"in ~\netready"),
        ("see /var/lib/netready/key", "see /var/lib/netready/key"),
        ("from 8.8.8.8:53 or 10.0.0.7", "from [a public address]:53 or 10.0.0.7"),
        ("at 2001:4860:4860::8888", "at [a public address]"),
        ("since 2026-11-24 07:06:12, version 0.1.0", "since 2026-11-24 07:06:12, version 0.1.0"),
        ("sha " + "ab" * 32, "sha [hidden]"),
        ("agent " + "ab" * 16, "agent " + "ab" * 16),
        ("two\nlines\x1b[31m", "two lines [31m"),
    ],
)
def test_what_nobody_taught_the_veil(text, shown):
    """Some things are secret by what they look like; others only look like one and stay."""
    assert Veil().over(text) == shown


def test_the_school_s_own_servers_are_no_secret():
    """The address of a server that the agent itself names helps support; this computer's own does not."""
    known = Veil(known=frozenset({"8.8.8.8"}), names=("PC-12",), secrets=veil.gather(["pin", "code-code"]))
    assert known.over("8.8.8.8 and 9.9.9.9 by pc-12, pin code-code") == (
        "8.8.8.8 and [a public address] by [hidden], pin [hidden]"
    )
