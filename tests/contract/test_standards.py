"""The targets: how much a school needs, and when an interval is enough to say so."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import shipped, standards
from agent.contract.errors import SettingsError
from agent.contract.measurement import Direction
from agent.contract.standards import Interval, Outcome

MBIT = 1_000_000
BAD = sorted((Path(__file__).parent / "bad").glob("*.toml"))

# File name (without .toml) -> what the sentence has to name.
NAMED = {
    "default-missing": "default",
    "default-unknown": "'who'",
    "key-twice": "line 3",
    "minimum-is-zero": "minimum_tests",
    "no-toml": "line 5",
    "per-pupil-infinite": "standards.itu: .*per_pupil_bps",
    "per-pupil-negative": "standards.itu: .*per_pupil_bps",
    "rate-is-text": "standards.itu: .*upload_bps",
    "rate-is-zero": "standards.itu: .*download_bps",
    "source-missing": "standards.itu: .*source",
    "title-misspelt": "standards.itu: .*titel",
    "tolerance-no-number": "tolerance",
    "tolerance-too-large": "tolerance",
}


@pytest.mark.parametrize(
    ("pupils", "mbit"),
    [(0, 20), (1, 20), (20, 20), (399, 20), (400, 20), (401, 20.05), (1000, 50), (2001, 100.05), (7098, 354.9)],
)
def test_required_download(pupils: int, mbit: float) -> None:
    """The ITU rule: 20 Mbit/s up to 400 pupils, above that 1 Mbit/s per 20."""
    assert standards.required_download(pupils) == mbit * MBIT


def test_the_rule_is_continuous_at_400() -> None:
    """No pupil makes a jump: one more pupil never adds more than his own 50 kbit/s."""
    needed = [standards.required_download(pupils) for pupils in range(380, 420)]
    assert {after - before for before, after in itertools.pairwise(needed)} == {0, 50_000}


def test_there_is_no_negative_school() -> None:
    """A negative number of pupils is a mistake of the caller and says so."""
    with pytest.raises(ValueError, match="-1 pupils"):
        standards.required_download(-1)


@given(pupils=st.integers(0, 1_000_000))
def test_more_pupils_never_need_less(pupils: int) -> None:
    """Whatever the shipped standard: it grows with the school, and never falls below its floor."""
    for standard in standards.shipped_standards().standards.values():
        needed = standards.required_download(pupils, standard)
        assert standard.download_bps <= needed <= standards.required_download(pupils + 1, standard)


def test_every_shipped_standard_loads() -> None:
    """The file that is shipped is right, names its sources, and the default is the ITU's."""
    shipped_ones = standards.load(shipped.path("standards.toml"))
    assert shipped_ones.default == "itu"
    assert shipped_ones.tolerance == 0.05
    assert {"itu", "kz-floor", "uk-dfe-primary", "fcc"} <= set(shipped_ones.standards)
    for name, standard in shipped_ones.standards.items():
        target = standards.target_for(600, shipped_ones, name)
        assert standard.source
        assert target.download_bps == standards.required_download(600, standard)
        assert target.download_level_bps == 0.95 * standards.required_download(600, standard)
        assert target.upload_level_bps == 0.95 * standard.upload_bps


def test_every_bad_file_is_expected() -> None:
    """Each mistake has one file and one sentence."""
    assert [file.stem for file in BAD] == sorted(NAMED)


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_mistake_is_named(file: Path) -> None:
    """A wrong standards file is refused with a sentence that names the file and the key."""
    with pytest.raises(SettingsError, match=rf"{file.name}: .*{NAMED[file.stem]}"):
        standards.load(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text are refused by name."""
    (tmp_path / "latin.toml").write_bytes(b'default = "\xe9"')
    for name in ("absent.toml", ".", "latin.toml"):
        with pytest.raises(SettingsError, match=str(tmp_path)):
            standards.load(tmp_path / name)


def test_a_missing_data_file_says_what_to_do() -> None:
    """An installation without its data says to install again."""
    with pytest.raises(SettingsError, match="install netready again"):
        shipped.path("none.toml")


def test_an_unknown_standard_names_the_known() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(SettingsError, match="fcc, itu"):
        standards.shipped_standards().chosen("oecd")


def test_the_decision_level_is_the_target_less_the_tolerance() -> None:
    """20 Mbit/s with 5 % is decided at 19 Mbit/s; without tolerance at the target itself."""
    assert standards.decision_level(20 * MBIT, 0.05) == 19 * MBIT
    assert standards.decision_level(20 * MBIT, 0) == 20 * MBIT


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (19.0, 21.0, "PASS"),  # the whole interval reaches the level, its lower end exactly
        (19.0, None, "PASS"),  # a lower bound proves "at least"
        (18.9, None, "UNDECIDED"),  # ... and nothing else
        (1.0, None, "UNDECIDED"),
        (18.9, 19.1, "UNDECIDED"),  # the level lies inside
        (18.0, 19.0, "UNDECIDED"),  # the upper end reaches it exactly
        (17.0, 18.9, "FAIL"),
        (0.0, 0.0, "FAIL"),
    ],
)
def test_judging_one_rate(low: float, high: float | None, outcome: Outcome) -> None:
    """PASS if the whole interval reaches the decision level, FAIL if none of it does, else UNDECIDED."""
    rate = Interval(value_bps=low * MBIT, low_bps=low * MBIT, high_bps=None if high is None else high * MBIT)
    assert standards.judge_rate(rate, 20 * MBIT, 0.05) == outcome


def known(mbit: float) -> Interval:
    return Interval(value_bps=mbit * MBIT, low_bps=mbit * MBIT, high_bps=mbit * MBIT)


def at_least(mbit: float) -> Interval:
    return Interval(value_bps=mbit * MBIT, low_bps=mbit * MBIT, high_bps=None)


@pytest.mark.parametrize(
    ("pupils", "download", "upload", "outcomes"),
    [
        (400, known(19), known(4.75), ("PASS", "PASS", "PASS")),
        (400, known(18.9), known(4.75), ("FAIL", "FAIL", "PASS")),
        (400, known(19), known(4.7), ("FAIL", "PASS", "FAIL")),
        (400, known(1), known(1), ("FAIL", "FAIL", "FAIL")),
        (400, at_least(19), at_least(4.75), ("PASS", "PASS", "PASS")),
        (400, at_least(18), known(5), ("UNDECIDED", "UNDECIDED", "PASS")),
        (400, at_least(18), known(4), ("FAIL", "UNDECIDED", "FAIL")),  # one FAIL fails, whatever is open
        (400, known(19), None, ("UNDECIDED", "PASS", None)),  # PASS needs both
        (400, None, known(5), ("UNDECIDED", None, "PASS")),
        (400, None, known(4), ("FAIL", None, "FAIL")),
        (400, known(18), None, ("FAIL", "FAIL", None)),
        (400, None, None, ("UNDECIDED", None, None)),
        (1000, known(47.5), known(5), ("PASS", "PASS", "PASS")),
        (1000, known(47.4), known(5), ("FAIL", "FAIL", "PASS")),
        (None, known(18.9), known(5), ("FAIL", "FAIL", "PASS")),  # below the floor fails any school
        (None, known(19), known(5), ("UNDECIDED", "UNDECIDED", "PASS")),  # above it: nobody knows how many pupils
        (None, known(900), known(5), ("UNDECIDED", "UNDECIDED", "PASS")),
        (None, at_least(900), known(4), ("FAIL", "UNDECIDED", "FAIL")),
    ],
)
def test_judging_both_directions(
    pupils: int | None,
    download: Interval | None,
    upload: Interval | None,
    outcomes: tuple[Outcome, Outcome | None, Outcome | None],
) -> None:
    """The truth table: pupils known or not, intervals, lower bounds, and directions that were not measured."""
    verdict = standards.judge(download, upload, standards.target_for(pupils))
    assert (verdict.outcome, verdict.download, verdict.upload) == outcomes


def test_a_target_without_pupils() -> None:
    """Where a standard asks the same of every school, an unknown number of pupils leaves nothing open."""
    assert standards.target_for(None).download_bps is None
    assert standards.target_for(None).download_level_bps is None
    assert standards.target_for(None).download_floor_bps == 20 * MBIT
    assert standards.target_for(None, name="uk-dfe-primary").download_bps == 100 * MBIT
    assert standards.target_for(0).download_bps == 20 * MBIT


def direction(*, low: float | None, high: float | None, paced: float | None) -> Direction:
    return Direction(
        goodput_bps=9, ip_bps=10, ip_low_bps=low, ip_high_bps=high, paced_bps=paced,
        bytes=1, duration_s=1, connections=1, stop="time", counted_at="receiver",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "paced", "bounds"),
    [
        (8, 12, None, (8, 12)),
        (None, None, None, (0, None)),  # too short for an interval: nothing is proven
        (8, None, None, (8, None)),
        (8, None, 10, (8, None)),  # bound by the sender's pace: "at least"
        (None, None, 10, (0, None)),  # and a paced mean without an interval is no bound either
        (8, 12, 11, (8, None)),  # an upper bound above the pace: nobody tried to send more
        (8, 12, 50, (8, 12)),  # paced, but the line was slower than the pace
    ],
)
def test_what_a_direction_proves(
    low: float | None, high: float | None, paced: float | None, bounds: tuple[float, float | None]
) -> None:
    """An interval as measured; a bound that is not there proves nothing, and a paced result has no upper one."""
    interval = standards.interval_of(direction(low=low, high=high, paced=paced))
    assert (interval.low_bps, interval.high_bps) == bounds
    assert interval.value_bps == 10
