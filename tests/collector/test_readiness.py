import pytest

from agent.contract.standards import shipped_standards, target_for
from collector import readiness, slots
from collector.readiness import Judged
from collector.slots import Figures

RULE = shipped_standards().readiness


def period(met: int, missed: int = 0, days: int = 10, *, still_open: int = 0, **histograms) -> Figures:
    """Return slots spread evenly over days; histograms name rates in Mbit/s, each once a slot."""
    judged = met + missed
    figures = Figures(
        tests=judged + still_open, undisturbed=judged, slots=judged + still_open, slots_met=met, slots_missed=missed
    )
    figures.judged_days = min(days, judged)
    per_day = [judged // days + (number < judged % days) for number in range(days)]
    met_per_day = [met // days + (number < met % days) for number in range(days)]
    figures.met_squared = sum(one * one for one in met_per_day)
    figures.met_by_judged = sum(one * of for one, of in zip(met_per_day, per_day, strict=True))
    figures.judged_squared = sum(one * one for one in per_day)
    figures.histograms = {"agents": {"a": figures.tests}} | {
        name: {str(slots.bin_of(1e6 * rate)): count for rate, count in rates.items()}
        for name, rates in histograms.items()
    }
    return figures


def judge(
    figures: Figures, cable: Figures | None = None, *, pupils: int | None = 300, connected: bool | None = True
) -> Judged:
    """Judge a school by these slots, of cables too unless told."""
    return readiness.judge(figures, cable if cable is not None else figures, target_for(pupils), connected=connected)


@pytest.mark.parametrize(
    ("met", "missed", "meets"),
    [(20, 0, True), (0, 20, False), (5, 15, False), (17, 3, None), (96, 24, True), (95, 25, False), (3, 0, None)],
)
def test_the_share_of_slots_decides(met, missed, meets):
    """Yes and no where chance cannot explain it, and by the share itself once there is much; else not enough data."""
    assert judge(period(met, missed)).meets is meets


def test_slots_on_too_few_days_are_not_enough():
    """However many slots two days have, the school is not judged, and the reason says what is needed."""
    one = judge(period(40, days=2))
    assert (one.meets, one.state) == (None, "not enough data")
    assert f"on 2 days; {RULE.minimum_slots} on {RULE.minimum_days} days are needed" in one.reason


def test_days_that_are_alike_count_for_less():
    """Ten good days and ten bad ones of ten slots each say less than slots that mix."""
    mixed = period(100, 100, days=20)
    alike = period(100, 100, days=20)
    alike.met_squared, alike.met_by_judged = 10 * 100, 10 * 100
    mixed_share, alike_share = readiness.share_of(mixed, RULE), readiness.share_of(alike, RULE)
    assert mixed_share is not None
    assert alike_share is not None
    assert mixed_share.effective == pytest.approx(200)
    assert alike_share.effective < 25
    assert alike_share.low < mixed_share.low < 0.5 < mixed_share.high < alike_share.high


def test_bounds_are_wilsons():
    """18 of 20 slots, one a day, worth 19 independent ones: Wilson's one-sided 90 % bounds."""
    share = readiness.share_of(period(18, 2, days=20), RULE)
    assert share is not None
    assert (share.share, share.low, share.high) == pytest.approx((0.9, 0.7778, 0.9586), abs=0.0001)


def test_cables_speak_where_they_measured_enough():
    """Slow Wi-Fi does not count against a line that cables show to be good; without cables it is all there is."""
    all_slots, cables = period(20, 20), period(20, 0, still_open=20)
    assert (judge(all_slots, cables).meets, judge(all_slots, cables).voice) == (True, "cable")
    wifi_only = judge(period(0, 20), period(0, 0, still_open=20))
    assert (wifi_only.meets, wifi_only.voice) == (False, "any")


def test_three_speeds_and_what_is_missing():
    """A hard day, a typical one and the capacity; missing is what the typical speed lacks of the need."""
    one = judge(period(0, 20, download={5: 5, 12: 10, 18: 5}, upload={9: 20}, any_download={12: 18, 40: 2}))
    rates = (one.download_p25_bps, one.download_bps, one.download_p95_bps, one.missing_download_bps)
    assert rates == pytest.approx((5e6, 12e6, 40e6, 8e6), rel=0.003)
    assert one.missing_upload_bps == 0


def test_without_a_slot_of_lessons_all_hours_tell_the_speed_and_nobody_is_judged():
    """An evening's test is shown; yes and no are for lessons."""
    one = judge(period(0, 0, any_download={33: 1}, any_upload={9: 1}))
    assert (one.meets, one.state) == (None, "not enough data")
    one = judge(period(0, 0, still_open=1, any_download={33: 1}, any_upload={9: 1}))
    assert one.download_bps == pytest.approx(33e6, rel=0.003)


def test_paced_tests_are_at_least_and_never_typical():
    """Where lower bounds are all there is, the typical speed is null, and what lacks is known only if they reach."""
    one = judge(period(20, download_at_least={20: 20}, upload_at_least={5: 20}))
    assert (one.meets, one.download_bps, one.missing_download_bps) == (True, None, None)
    assert one.download_at_least_bps == pytest.approx(20e6, rel=0.003)
    more = judge(period(20, download_at_least={21: 20}, upload_at_least={6: 20}))
    assert (more.missing_download_bps, more.missing_upload_bps) == (0, 0)


def test_unknown_pupils_leave_the_need_open():
    """Nobody knows what a school of unknown size needs."""
    one = judge(period(0, 0, still_open=20, download={90: 20}, upload={9: 20}), pupils=None)
    assert (one.meets, one.required_download_bps, one.missing_download_bps) == (None, None, None)
    assert "pupils" in one.reason


def test_a_school_without_a_line_is_a_class_of_its_own():
    """Not connected is neither slow nor unknown; absence is never a zero."""
    off = judge(Figures(), connected=False)
    assert (off.state, off.download_bps, off.share) == ("not connected", None, None)
    assert judge(Figures()).state == "not enough data"
    assert judge(period(0, 10), connected=False).state == "not ready"
