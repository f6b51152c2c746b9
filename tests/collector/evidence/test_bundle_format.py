"""The format as README.md tells it: a verifier that somebody else wrote, who has never seen this program.

Nothing of netready is used here but what a test needs to have a bundle. Where this fails, the page is wrong.
"""

import base64
import hashlib
import json

import pytest
from nacl.signing import VerifyKey


def sha(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def dsse(kind: str, payload: bytes) -> bytes:
    return f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload


def records_of(raw: bytes) -> list[tuple[bytes, dict]]:
    """Read lines by the page: check values, then records."""
    found, chain = [], bytes(32)
    for line in raw.split(b"\n")[:-1]:
        record = line[20:-1]
        chain = sha(chain + record)
        assert line == b'["' + chain[:8].hex().encode() + b'",' + record + b"]"
        found.append((chain, json.loads(record)))
    return found


def root_of(leaf: bytes, index: int, size: int, proof: list[str]) -> bytes:
    """Follow a proof of inclusion (RFC 9162, 2.1.3.2)."""
    first, last, found = index, size - 1, sha(b"\0" + leaf)
    for each in proof:
        beside = base64.b64decode(each)
        if first % 2 or first == last:
            found = sha(b"\1" + beside + found)
            while first % 2 == 0 and first:
                first, last = first // 2, last // 2
        else:
            found = sha(b"\1" + found + beside)
        first, last = first // 2, last // 2
    assert last == 0
    return found


def key_of(text: str) -> bytes:
    """Read a log's key: name, id, and base64 of its type and 32 bytes."""
    name, key_id, rest = text.split("+", 2)
    typed = base64.b64decode(rest)
    assert typed[0] == 1
    assert sha(name.encode() + b"\n" + typed)[:4].hex() == key_id
    return typed[1:]


class Log:
    """A log by its last checkpoint."""

    def __init__(self, record: dict, told: str) -> None:
        public = key_of(record["key"])
        assert public == key_of(told)
        body, signatures = record["checkpoints"][-1]["note"].rsplit("\n\n", 1)
        self.origin, size, root = body.split("\n")
        dash, name, encoded = signatures.split("\n")[0].split(" ")
        assert (dash, name) == ("\u2014", self.origin)
        VerifyKey(public).verify((body + "\n").encode(), base64.b64decode(encoded)[4:])
        self.public, self.size, self.root = public, int(size), base64.b64decode(root)

    def check(self, place: dict, subject: str, key: str, sha256: str, school: str | None) -> dict:
        entry = json.loads(place["entry"])
        assert root_of(place["entry"].encode(), place["index"], self.size, place["proof"]) == self.root
        assert (entry["subject"], entry["key"], entry["sha256"], entry["school"]) == (subject, key, sha256, school)
        return entry


def verify(raw: bytes, told: str) -> str:
    """Check a bundle with one verdict as the page says; return how it came out."""
    lines = records_of(raw)
    of_kind = {kind: [one for _, one in lines if one["kind"] == kind] for kind in {one["kind"] for _, one in lines}}
    log = Log(of_kind["log"][0], told)
    seal = lines[-1][1]
    assert (seal["lines"], base64.b64decode(seal["sha256"])) == (len(lines) - 1, lines[-2][0])
    unsigned = json.dumps(seal | {"signature": None}, separators=(",", ":")).encode()
    kind = "application/vnd.netready.bundle-seal+json"
    VerifyKey(log.public).verify(dsse(kind, unsigned), base64.b64decode(seal["signature"]))

    (shown,) = of_kind["verdict"]
    verdict = json.loads(shown["body"])
    school, line = verdict["school"], verdict["line"]
    key = f"{line}/{verdict['month']}/{shown['version']}"
    entry = log.check(shown["place"], "verdict", key, sha(shown["body"].encode()).hex(), school)
    assert entry["at"] == shown["judged_at"]
    body = of_kind["facts"][0]["body"]
    assert sha(body.encode()).hex() == verdict["facts_sha256"]
    facts = json.loads(body)
    named = {sha(one["body"].encode()).hex(): one["place"] for one in of_kind["rules"]}
    assert named.keys() == {verdict["standard_sha256"], verdict["causes_sha256"]}
    for sha256, place in named.items():
        log.check(place, "rules", sha256, sha256, None)
    for one, terms in zip(of_kind["contract"], facts["terms"], strict=True):
        assert json.loads(one["body"]) == terms
        key = f"{line}/{terms['number']}/{terms['contract']}"
        log.check(one["place"], "contract", key, sha(one["body"].encode()).hex(), school)

    keys = {one["agent"]: base64.b64decode(one["public"]) for one in facts["keys"]}
    assert [one["agent"] for one in of_kind["computer"]] == list(keys)
    for one in of_kind["computer"]:
        log.check(one["place"], "key", f"computer/{one['agent']}", sha(keys[one["agent"]]).hex(), school)
    assert {one["public"] for one in facts["servers"]} == {one["distrusted_from"] for one in facts["keys"]} == {None}
    listed = ""
    for one in of_kind["report"]:
        payload, agent = one["payload"].encode(), one["agent"]
        assert sha(keys[agent])[:16].hex() == agent
        message = dsse("application/vnd.netready.report+json", payload)
        VerifyKey(keys[agent]).verify(message, base64.b64decode(one["signature"]))
        key = f"{agent}/{one['sequence']}"
        entry = log.check(one["place"], "report", key, sha(payload).hex(), school)
        assert entry["at"] == one["received_at"]
        listed += f"{agent} {one['sequence']} {sha(payload).hex()}\n"
    assert (len(of_kind["report"]), sha(listed.encode()).hex()) == (verdict["reports"], verdict["reports_sha256"])
    return verdict["state"]


def test_another_verifier_agrees(made):
    """What the page tells is enough to check everything but the judging, and agrees with what is written."""
    raw = b"".join(made.lines)
    assert verify(raw, made.key.text) == "insufficient"
    with pytest.raises(AssertionError):
        verify(raw.replace(b'"light"', b'"scheduled"').replace(b"Alpha", b"Alphb"), made.key.text)
