"""Notes are those of C2SP: signed text that others' programs can check, and that says who signed."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from collector.evidence import note
from collector.evidence.errors import NoteError
from collector.evidence.note import Checkpoint, Note

# The example of the signed-note specification: the Go checksum database's key, and a note that it signed.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
LOG, WITNESS = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
LOG_KEY = note.key("netready.test/log", "log", bytes(LOG.verify_key))
WITNESS_KEY = note.key("auditor.test", "witness", bytes(WITNESS.verify_key))
CHECKPOINT = Checkpoint("netready.test/log", 5, bytes(32))
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def signed(checkpoint: Checkpoint = CHECKPOINT) -> Note:
    lines = (
        note.sign(checkpoint.body, LOG_KEY.name, LOG),
        note.cosign(checkpoint.body, WITNESS_KEY.name, WITNESS, AT),
    )
    return Note(checkpoint.body, lines)


def test_the_specifications_example() -> None:
    """A note that another program signed is checked with the key as that program writes it."""
    found = note.read(GO_NOTE)
    whose = note.read_key(GO_KEY)
    assert whose.text == GO_KEY
    note.check(found, whose)
    assert found.text == GO_NOTE


def test_a_checkpoint_and_its_witness() -> None:
    """What was signed and cosigned is read back, with the time of the witness."""
    text = signed().text
    found = note.read(text)
    note.check(found, LOG_KEY)
    assert note.checkpoint_of(found) == CHECKPOINT
    assert [(one.name, one.at) for one in note.witnessed(found, [WITNESS_KEY])] == [("auditor.test", AT)]
    assert text.startswith("netready.test/log\n5\n" + base64.b64encode(bytes(32)).decode() + "\n\n\u2014 netready.test")


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    """Whatever byte of a note is changed, dropped or doubled, it is no longer both signed and cosigned."""
    raw = signed().text.encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    how = data.draw(st.sampled_from(["changed", "dropped", "doubled"]))
    put = {"changed": bytes([raw[at] ^ 1]), "dropped": b"", "doubled": raw[at : at + 1] * 2}[how]
    bent = raw[:at] + put + raw[at + 1 :]
    if bent == raw:
        return
    try:
        found = note.read(bent.decode())
        note.check(found, LOG_KEY)
        whole = note.checkpoint_of(found) == CHECKPOINT and note.witnessed(found, [WITNESS_KEY])
    except (NoteError, UnicodeDecodeError):
        return
    assert not whole


def test_somebody_elses_signature() -> None:
    """A signature by another key under the same name is none, and a forged cosignature is said."""
    other = SigningKey.generate()
    forged = Note(CHECKPOINT.body, (note.sign(CHECKPOINT.body, LOG_KEY.name, other),))
    with pytest.raises(NoteError, match="not signed by"):
        note.check(forged, LOG_KEY)
    line = note.cosign(CHECKPOINT.body, WITNESS_KEY.name, WITNESS, AT)
    moved = Note(Checkpoint(CHECKPOINT.origin, 6, bytes(32)).body, (line,))
    with pytest.raises(NoteError, match=r"says that it is by auditor\.test"):
        note.witnessed(moved, [WITNESS_KEY])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "text\n\n",
        "text\n\nnot a dash name x08go/ZJ\n",
        "text\n\n\u2014 name\n",
        "text\n\n\u2014 name !!!!\n",
        "text\n\n\u2014 name AAAA\n",
        "te\rxt\n\n\u2014 name x08go/ZJkuBS9UG/\n",
        "text\n\n\u2014 name x08go/ZJkuBS9UG/",
        "text\n\n" + "\u2014 name x08go/ZJkuBS9UG/\n" * 65,
        "x" * 70_000,
    ],
)
def test_what_is_no_note(text: str) -> None:
    """Anything else is refused, in words."""
    with pytest.raises(NoteError):
        note.read(text)


@pytest.mark.parametrize("size", ["05", "-1", "1e3", "", "\u0665", "9" * 30, str(2**50)])
def test_sizes_that_are_none(size: str) -> None:
    """A size is written in one way only."""
    body = f"origin\n{size}\n{base64.b64encode(bytes(32)).decode()}\n"
    with pytest.raises(NoteError):
        note.checkpoint_of(Note(body, ()))


@pytest.mark.parametrize(
    "text", ["", "a", "a+b", "a+00000000+AQ==", GO_KEY.replace("c74f20a3", "c74f20a4"), GO_KEY[:-4]]
)
def test_keys_that_are_none(text: str) -> None:
    """A key with a changed character is refused."""
    with pytest.raises(NoteError):
        note.read_key(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\t", "x" * 257])
def test_names_that_cannot_stand_in_a_note(name: str) -> None:
    """A key's name has no spaces and no plus signs."""
    with pytest.raises(NoteError, match="cannot be the name"):
        note.key(name, "log", bytes(32))
