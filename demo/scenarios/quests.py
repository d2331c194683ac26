"""Faults that only the game's business metrics show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.scenarios.fault import Fault
from demo.world import QUEST_JOB, World
from testbed.page import serving
from testbed.ports import LOOPBACK, free_port

_INVALID = (
    "INSERT INTO quest_validation_error (reason)"
    " SELECT 'reward without item' FROM generate_series(1, 3)"
)
_TOO_HARD = (
    "UPDATE quest_attempt SET outcome = 'abandoned' WHERE outcome = 'completed' RETURNING id"
)
_EASY_AGAIN = "UPDATE quest_attempt SET outcome = 'completed' WHERE id = ANY (%s)"

#: What such a service publishes; the counters of the histogram grow with each scrape.
_SUFFERING = """\
# TYPE active_quests_total gauge
active_quests_total 0
# TYPE average_quest_duration_seconds gauge
average_quest_duration_seconds 1000000
# TYPE quest_cache_hit_ratio gauge
quest_cache_hit_ratio 0.1
# TYPE quest_import_success_rate gauge
quest_import_success_rate 0.1
# TYPE quest_query_duration_seconds histogram
quest_query_duration_seconds_bucket{{le="0.05"}} 0
quest_query_duration_seconds_bucket{{le="1"}} {scrapes}
quest_query_duration_seconds_bucket{{le="+Inf"}} {scrapes}
quest_query_duration_seconds_sum {scrapes}
quest_query_duration_seconds_count {scrapes}
"""


@contextmanager
def _import_invalid(world: World) -> Iterator[None]:
    """Record rejected quests, for a new reason."""
    world.database.execute(_INVALID)
    yield


@contextmanager
def _too_hard(world: World) -> Iterator[None]:
    """Turn completed quests into abandoned ones."""
    changed = [row[0] for row in world.database.execute(_TOO_HARD)]
    yield
    world.database.execute(_EASY_AGAIN, [changed])


@contextmanager
def _service_suffers(world: World) -> Iterator[None]:
    """Let Prometheus scrape a quest service whose own metrics are bad, as after a bad release."""
    with serving(_SUFFERING) as address, world.prometheus.scraping_also({QUEST_JOB: [address]}):
        yield


@contextmanager
def _service_gone(world: World) -> Iterator[None]:
    """Let Prometheus scrape a quest service that does not answer."""
    with world.prometheus.scraping_also({QUEST_JOB: [f"{LOOPBACK}:{free_port()}"]}):
        yield


IMPORT_INVALID = Fault(
    "import brings invalid quests", frozenset({"QuestValidationErrors"}), _import_invalid
)
QUESTS_TOO_HARD = Fault(
    "quests have become too hard",
    frozenset({"QuestCompletionRateLow", "QuestAbandonmentRateHigh"}),
    _too_hard,
)
SERVICE_SUFFERS = Fault(
    "quest service suffers",
    frozenset(
        {
            "QuestCacheHitLow",
            "QuestDurationHigh",
            "QuestImportFailing",
            "QuestQueryLatencyHigh",
            "QuestsMissing",
        }
    ),
    _service_suffers,
)
SERVICE_GONE = Fault(
    "quest service does not answer", frozenset({"QuestServiceDown"}), _service_gone
)
