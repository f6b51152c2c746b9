"""The numbers that verdicts rest on: each has a source, each mistake is named, each version is told apart."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from agent.contract import shipped
from agent.contract.errors import SettingsError
from collector.verdicts import standard

TEXT = shipped.path("sla.toml").read_text(encoding="utf-8")


def numbers(found: msgspec.Struct) -> list[msgspec.Struct]:
    """Return every number in a tree of settings."""
    kept = []
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if hasattr(value, "source"):
            kept.append(value)
        elif isinstance(value, msgspec.Struct):
            kept += numbers(value)
        elif isinstance(value, dict):
            kept += value.values()
    return kept


def test_every_number_has_a_source():
    """Where nobody published one, it says that it is ours; a rule says what of its source was not verified."""
    held = standard.shipped_standard()
    found = numbers(held)
    assert len(found) >= 20
    assert all(one.source.startswith("ours") or len(one.source) > 15 for one in found)
    assert all(rule.not_verified for rule in held.rules.values())


def test_numbers_are_exactly_what_is_written():
    """No float stands between the file and a verdict."""
    sure = standard.shipped_standard().sure()
    assert (sure.risk, sure.watch_risk, sure.pooled_correlation) == (Decimal("0.01"), Decimal("0.1"), Fraction(3, 10))
    assert Fraction(standard.shipped_standard().rules["german-99-2021"].best_days) == Fraction(2, 3)


def test_another_byte_is_another_standard():
    """The SHA-256 names exactly these bytes, which come along for a bundle."""
    raw = TEXT.encode()
    one, other = standard.parse(raw), standard.parse(raw + b"\n")
    assert one == standard.parse(one.raw)
    assert one.sha256 != other.sha256
    assert one.sha256 == standard.shipped_standard().sha256


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("risk = { value = 0.01,", "risk = { value = 0,", "statistics.risk.value"),
        ("risk = { value = 0.01,", "risk = { value = nan,", "statistics.risk.value"),
        ("risk = { value = 0.01,", "risk = { value = 1e-99,", "statistics.risk.value"),
        ("risk = { value = 0.01,", "risk = { value = 1.5,", "statistics.risk.value"),
        ("days = { value = 5,", "days = { value = 0,", "statistics.days.value"),
        ("days = { value = 5,", "days = { value = 5.5,", "statistics.days.value"),
        ("link_headroom = { value = 1.1,", "link_headroom = { value = inf,", "eligibility.link_headroom.value"),
        ("[disputes]", "[quarrels]", "quarrels"),
        ('speed_share = "0.8"', "speed_share = 0.8", "speed_share"),
        ('speed_share = "0.8"', 'speed_share = "8/0"', "rules.80-80.speed_share"),
        ('speed_share = "0.8"', 'speed_share = "1.2"', "rules.80-80.speed_share"),
        ('speed_share = "0.8"', 'speed_share = "1e-999999999"', "rules.80-80.speed_share"),
        ('kind = "german"', 'kind = "french"', "kind"),
        ("[rules.80-80]", "[rules.80_80]", "of another form"),
        ('version = "2026', 'sha256 = "0"\nversion = "2026', "sha256: there is no such setting"),
        ('version = "2026', 'version = ["2026', "cannot be read"),
        ("value = 0.01", "value = 1e99999999999999999999", "statistics.risk.value|cannot be read"),
    ],
)
def test_a_mistake_is_named(old, new, named):
    """A wrong file is refused with a sentence that names it and the key."""
    assert old in TEXT
    with pytest.raises(SettingsError, match=rf"sla\.toml.*({named})"):
        standard.parse(TEXT.replace(old, new, 1).encode(), "sla.toml")


def test_what_is_no_standard_at_all(tmp_path):
    """Neither a missing file, nor one of another kind, nor one without end."""
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        standard.load(tmp_path / "absent.toml")
    for raw in (b"\xff", b"x" * 70_000, b"[" * 60_000):
        with pytest.raises(SettingsError):
            standard.parse(raw)
