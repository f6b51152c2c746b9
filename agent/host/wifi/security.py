"""From the key management that a network offers to the name of its security (IEEE 802.11-2020, 9.4.2.24)."""

from msgspec import Struct

from agent.contract.wifi import Security

RSN_OUI = b"\x00\x0f\xac"
WPA_OUI = b"\x00\x50\xf2"

IEEE_8021X = 1
PSK = frozenset({2, 4, 6, 19, 20})
SAE = frozenset({8, 9, 24, 25})
OWE = frozenset({18})
# FILS (14 to 17) authenticates against a server too, in practice.
ENTERPRISE = frozenset({1, 3, 5, 11, 12, 13, 14, 15, 16, 17, 22, 23})
WPA3_192_BIT = frozenset({12, 13, 22, 23})
_KINDS = {"psk": PSK, "sae": SAE, "owe": OWE, "enterprise": ENTERPRISE}
_NAMES: dict[frozenset[str], Security] = {
    frozenset({"psk"}): "wpa2-psk",
    frozenset({"psk", "sae"}): "wpa2-wpa3-transition",
    frozenset({"sae"}): "wpa3-sae",
    frozenset({"owe"}): "owe",
}


class Offer(Struct, frozen=True):
    """The key managements (AKM suite types) that one element offers; none where the element cannot be read.

    ``protects`` tells whether management frames must be protected (MFPR).
    """

    suites: frozenset[int] = frozenset()
    protects: bool = False


def read_offer(body: bytes, oui: bytes) -> Offer:
    """Read the body of an RSN element, or of WPA1's vendor element behind its type.

    Every field behind the version may be left out; key management is then 802.1X.
    """
    if int.from_bytes(body[:2], "little") != 1 or len(body) < 2:
        return Offer()
    _, at = _suites(body, 6, oui)
    suites, at = _suites(body, at, oui)
    if at > len(body):
        return Offer()
    capabilities = int.from_bytes(body[at : at + 2], "little")
    return Offer(suites=suites, protects=bool(capabilities & 0x40))


def _suites(body: bytes, at: int, oui: bytes) -> tuple[frozenset[int], int]:
    """Return the types in the list of suites at ``at`` and where it ends (past the body where it is cut off)."""
    if at + 2 > len(body):
        is_left_out = len(body) in {2, at}
        return frozenset({IEEE_8021X}), len(body) + (0 if is_left_out else 1)
    first = at + 2
    end = first + 4 * int.from_bytes(body[at:first], "little")
    if end > len(body):
        return frozenset(), len(body) + 1
    return frozenset(body[one + 3] for one in range(first, end, 4) if body[one : one + 3] == oui), end


def name_of(rsn: Offer | None, wpa: Offer | None, *, privacy: bool) -> Security:
    """Name the security of a whole frame from all that it offers, never from one suite of several.

    Args:
        rsn: what the RSN element offers (WPA2 and WPA3); None where there is none.
        wpa: the same of WPA1's vendor element.
        privacy: the capability bit; alone it means WEP.
    """
    if rsn is None and wpa is None:
        return "wep" if privacy else "open"
    older = _kinds(wpa)
    if rsn is None:
        return "wpa1-psk" if older == {"psk"} else "unknown"
    kinds = _kinds(rsn)
    if kinds == {"enterprise"} and older <= {"enterprise"}:
        return _enterprise(rsn, is_alone=not older)
    if kinds == {"psk"} and older == {"psk"}:
        return "wpa1-wpa2-psk"
    if older and kinds != {"psk", "sae"}:
        return "unknown"
    return _NAMES.get(frozenset(kinds), "unknown")


def _kinds(offer: Offer | None) -> set[str]:
    if offer is None:
        return set()
    # A suite that we do not know says nothing beside those that we know, but everything where it stands alone.
    return {kind for kind, suites in _KINDS.items() if offer.suites & suites} or {"unknown"}


def _enterprise(rsn: Offer, *, is_alone: bool) -> Security:
    """WPA3-Enterprise demands protected management frames and no plain 802.1X suite (Wi-Fi Alliance, WPA3, 3.2)."""
    is_newer = IEEE_8021X not in rsn.suites and (rsn.protects or (rsn.suites & ENTERPRISE) <= WPA3_192_BIT)
    return "wpa3-enterprise" if is_newer and is_alone else "wpa2-enterprise"
