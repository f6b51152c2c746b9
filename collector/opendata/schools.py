"""One school as the public may see it."""

from typing import Annotated

from msgspec import Meta, Struct

from collector.store.open_data import OpenSchool

_PLACE_DECIMALS = 2  # of a degree: about a kilometre
_RATE_STEP_BPS = 100_000
_REQUIRED_STEP_BPS = 5_000_000  # 100 pupils: the exact number cannot be counted back
_PUPILS = ((100, "0-100"), (400, "101-400"), (800, "401-800"), (1_500, "801-1500"))


def about(description: str, unit: str | None = None) -> Meta:
    """Return what a column means, and its unit if it has one."""
    return Meta(description=description, extra={"unit": unit} if unit else None)


Rate = float | None
Count = int | None


class SchoolRow(Struct, frozen=True, kw_only=True):
    """A row of schools.csv; a description and where it has one a unit stand at each column."""

    school_id: Annotated[str, about("The ministry's id of the school; text, leading zeros count")]
    name: Annotated[str, about("The school's name")]
    region_id: Annotated[str, about("ISO 3166-2 code of the region the school was in")]
    district: Annotated[str | None, about("The district in the region")]
    latitude: Annotated[float | None, about("Rounded to a hundredth, about a kilometre", "degree")]
    longitude: Annotated[float | None, about("Rounded to a hundredth, about a kilometre", "degree")]
    pupils: Annotated[str | None, about("Class of the number of pupils")]
    connectivity_type: Annotated[
        str | None, about("fibre, satellite, microwave, adsl, cellular, none, or another word")
    ]
    period: Annotated[str, about("Year, quarter or month that the figures are of")]
    state: Annotated[str, about("ready, not ready, not enough data, not connected")]
    meets: Annotated[bool | None, about("Whether the line meets the target; empty: not enough data")]
    withheld: Annotated[bool, about("True: so few computers measured that the figures would tell of one of them")]
    days: Annotated[Count, about("School days with measurements", "day")]
    slots: Annotated[Count, about("Half hours of lessons with a measurement", "slot of 30 min")]
    slots_met: Annotated[Count, about("Of these, how many met the target", "slot of 30 min")]
    slots_missed: Annotated[Count, about("Of these, how many missed it; the others are undecided", "slot of 30 min")]
    share: Annotated[Rate, about("Share of the decided slots that met the target", "ratio")]
    share_low: Annotated[Rate, about("Lower bound of the share's interval", "ratio")]
    share_high: Annotated[Rate, about("Upper bound of the share's interval", "ratio")]
    download_p25_bps: Annotated[Rate, about("Download on a hard day (25th percentile)", "bit/s")]
    download_bps: Annotated[Rate, about("Typical download (median)", "bit/s")]
    download_p95_bps: Annotated[Rate, about("Download that the line can carry (95th percentile)", "bit/s")]
    upload_p25_bps: Annotated[Rate, about("Upload on a hard day (25th percentile)", "bit/s")]
    upload_bps: Annotated[Rate, about("Typical upload (median)", "bit/s")]
    upload_p95_bps: Annotated[Rate, about("Upload that the line can carry (95th percentile)", "bit/s")]
    download_at_least_bps: Annotated[Rate, about("What is proven where no typical download is known", "bit/s")]
    upload_at_least_bps: Annotated[Rate, about("What is proven where no typical upload is known", "bit/s")]
    required_download_bps: Annotated[Rate, about("Needed download, rounded up to 5 Mbit/s", "bit/s")]
    required_upload_bps: Annotated[Rate, about("Needed upload", "bit/s")]


def public(school: OpenSchool, period: str, smallest_cell: int) -> SchoolRow:
    """Return what may be told of a school; measured figures only where at least so many computers stand behind them."""
    withheld = 0 < school.computers < smallest_cell
    shown = school.computers > 0 and not withheld

    def counted(value: int | None) -> int | None:
        return value if shown else None

    def share(value: float | None) -> float | None:
        return round(value, 3) if shown and value is not None else None

    def rate(value: float | None) -> float | None:
        return float(round(value / _RATE_STEP_BPS) * _RATE_STEP_BPS) if shown and value is not None else None

    return SchoolRow(
        school_id=school.school_id,
        name=school.name,
        region_id=school.region_id,
        district=school.district,
        latitude=_place(school.latitude),
        longitude=_place(school.longitude),
        pupils=pupils_class(school.pupils),
        connectivity_type=school.connectivity_type,
        period=period,
        state=school.state or ("not connected" if school.connected is False else "not enough data"),
        meets=school.meets,
        withheld=withheld,
        days=counted(school.days),
        slots=counted(school.slots),
        slots_met=counted(school.slots_met),
        slots_missed=counted(school.slots_missed),
        share=share(school.share),
        share_low=share(school.share_low),
        share_high=share(school.share_high),
        download_p25_bps=rate(school.download_p25_bps),
        download_bps=rate(school.download_bps),
        download_p95_bps=rate(school.download_p95_bps),
        upload_p25_bps=rate(school.upload_p25_bps),
        upload_bps=rate(school.upload_bps),
        upload_p95_bps=rate(school.upload_p95_bps),
        download_at_least_bps=rate(school.download_at_least_bps),
        upload_at_least_bps=rate(school.upload_at_least_bps),
        required_download_bps=_required(school.required_download_bps),
        required_upload_bps=school.required_upload_bps,
    )


def pupils_class(pupils: int | None) -> str | None:
    """Return the class of a number of pupils, null where it is not known."""
    if pupils is None:
        return None
    return next((name for most, name in _PUPILS if pupils <= most), "over 1500")


def _place(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, _PLACE_DECIMALS)


def _required(bps: float | None) -> float | None:
    return None if bps is None else float(-(-bps // _REQUIRED_STEP_BPS) * _REQUIRED_STEP_BPS)
