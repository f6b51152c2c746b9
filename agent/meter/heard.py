"""What the echoes beside a test tell: how long answers took, idle and under load, and how many were lost; pure."""

import math
from typing import TypeGuard

import msgspec
from msgspec import Struct

from agent.contract.measurement import Throughput
from agent.meter import echo
from agent.meter.echo import Echoes, EchoStream

_LEAST_ECHOES = 3  # for a median


class Heard(Struct, frozen=True, kw_only=True):
    """The echoes of a whole test: over the idle line, and while each direction was evenly full."""

    protocol: str | None
    idle: Echoes | None
    download: Echoes | None
    upload: Echoes | None

    @property
    def can_be_lost(self) -> bool:
        """Tell whether an echo can be lost; requests on a connection are sent again."""
        return self.protocol == EchoStream.protocol

    def told_in(self, throughput: Throughput) -> Throughput:
        """Return the measurement with what was heard; its idle round trip stays where there were too few echoes."""
        counted = [one for one in (self.idle, self.download, self.upload) if one is not None and self.can_be_lost]
        sent, lost = sum(one.sent for one in counted), sum(one.lost for one in counted)
        low, high = wilson(lost, sent) if sent else (None, None)
        idle_ms = _median_ms(self.idle)
        return msgspec.structs.replace(
            throughput,
            rtt_idle_ms=throughput.rtt_idle_ms if idle_ms is None else idle_ms,
            rtt_download_ms=_median_ms(self.download),
            rtt_upload_ms=_median_ms(self.upload),
            jitter_idle_ms=_jitter_ms(self.idle),
            jitter_download_ms=_jitter_ms(self.download),
            jitter_upload_ms=_jitter_ms(self.upload),
            responsiveness_download_rpm=_responsiveness_rpm(self.download),
            responsiveness_upload_rpm=_responsiveness_rpm(self.upload),
            latency_protocol=self.protocol,
            echoes_sent=sent or None,
            echoes_received=sent - lost if sent else None,
            loss_ratio=round(lost / sent, 6) if sent else None,
            loss_low_ratio=low,
            loss_high_ratio=high,
        )


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927): honest for few trials and for none lost."""
    z2 = 1.96**2
    middle = (hits + z2 / 2) / (trials + z2)
    half = 1.96 / (trials + z2) * math.sqrt(hits * (trials - hits) / trials + z2 / 4)
    return round(max(0.0, middle - half), 6), round(min(1.0, middle + half), 6)


def _median_ms(echoes: Echoes | None) -> float | None:
    return echo.summarise(echoes.rtts_s).median_ms if _is_enough(echoes) else None


def _jitter_ms(echoes: Echoes | None) -> float | None:
    return echo.summarise(echoes.rtts_s).jitter_ms if _is_enough(echoes) else None


def _responsiveness_rpm(echoes: Echoes | None) -> float | None:
    median_ms = _median_ms(echoes)
    return round(60_000 / median_ms, 1) if median_ms else None


def _is_enough(echoes: Echoes | None) -> TypeGuard[Echoes]:
    return echoes is not None and len(echoes.rtts_s) >= _LEAST_ECHOES
