"""Measurements of what follows the log: how far projections and the campaigns' decisions have come."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from application.campaigns.award_policy import AwardPolicy
from projections.engine.positions import Positions


class Following(Collector):
    """As far as this process knows; of decisions the one that leads knows best."""

    def __init__(self, positions: Positions, awards: AwardPolicy) -> None:
        self._positions = positions
        self._awards = awards

    def collect(self) -> Iterator[Metric]:
        reached = GaugeMetricFamily("laurel_projection_position", "Position reached", labels=("projection",))
        stopped = GaugeMetricFamily("laurel_projection_stopped", "1 where it has failed", labels=("projection",))
        for name, stored in sorted(self._positions.stored.items()):
            reached.add_metric((name,), stored.position)
            stopped.add_metric((name,), int(stored.error is not None))
        yield reached
        yield stopped
        awards = self._awards
        yield GaugeMetricFamily("laurel_awards_leading", "1 where this process decides", int(awards.leads))
        yield GaugeMetricFamily(
            "laurel_awards_position", "Position up to which campaigns have decided", awards.position
        )
        lag = max(0, awards.head - awards.position)
        yield GaugeMetricFamily("laurel_awards_lag", "Events that campaigns may have yet to decide", lag)
        yield GaugeMetricFamily("laurel_awards_failing", "1 while they do not go on", int(awards.failure is not None))
