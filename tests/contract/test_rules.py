"""The policy file of the diagnoses: every number has a source, every mistake is named, every version is told apart."""

from pathlib import Path

import msgspec
import pytest

from agent.contract import rules, shipped
from agent.contract.errors import SettingsError
from agent.contract.rules import Plans, Threshold


def thresholds(found: msgspec.Struct) -> list[Threshold | Plans]:
    """Return every number in a tree of rules."""
    kept: list[Threshold | Plans] = []
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, Threshold | Plans):
            kept.append(value)
        elif isinstance(value, msgspec.Struct):
            kept += thresholds(value)
    return kept


def test_every_number_has_a_source() -> None:
    """Where nobody published one, it says that it is ours."""
    found = thresholds(rules.shipped_rules())
    assert len(found) >= 45
    assert all(one.source for one in found)
    assert all(one.source.startswith("ours") or len(one.source) > 15 for one in found)


def test_the_name_changes_with_every_byte(tmp_path: Path) -> None:
    """A diagnosis names the version and a fingerprint, so that a changed number never passes for the old one."""
    text = shipped.path("diagnosis.toml").read_text(encoding="utf-8")
    changed = tmp_path / "diagnosis.toml"
    changed.write_text(text.replace("value = -67", "value = -70"), encoding="utf-8")
    old, new = rules.shipped_rules(), rules.load(changed)
    assert new.wifi.signal_dbm.value == -70
    assert old.version == new.version
    assert old.name != new.name
    assert old.name.startswith(f"{old.version}+")
    assert len(old.fingerprint) == 12


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("value = -67,", "", "wifi.signal_dbm: .*value"),
        ("value = -67", 'value = "-67"', "wifi.signal_dbm.value"),
        ("value = -67", "value = inf", "wifi.signal_dbm.value"),
        ("value = -67", "value = nan", "wifi.signal_dbm.value"),
        ("signal_dbm = {", "signal = {", "wifi.signal: there is no such setting|signal_dbm"),
        ("[wifi]", "[wlan]", "wlan: there is no such setting|wifi"),
        ('version = "2026', 'version = ["2026', "cannot be read"),
        ('unit = "dBm", source = "purple', 'unit = "dBm", sauce = "purple', "wifi.signal_dbm"),
        ("1e6, 2e6", "-1e6, 2e6", "line.plans.values_bps"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    """A wrong file is refused with a sentence that names the file and the key."""
    text = shipped.path("diagnosis.toml").read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "diagnosis.toml"
    wrong.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"diagnosis.toml: .*({named})|diagnosis.toml {named}"):
        rules.load(wrong)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file, no rules: said by name."""
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        rules.load(tmp_path / "absent.toml")
