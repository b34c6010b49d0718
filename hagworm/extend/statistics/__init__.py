"""What a process counts: counters, gauges and histograms, exact under threads, and the text a scraper reads."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.statistics.cells import Counter as Counter
    from hagworm.extend.statistics.cells import Gauge as Gauge
    from hagworm.extend.statistics.exposition import CONTENT_TYPE as CONTENT_TYPE
    from hagworm.extend.statistics.family import Family as Family
    from hagworm.extend.statistics.histogram import BUCKETS as BUCKETS
    from hagworm.extend.statistics.histogram import Histogram as Histogram
    from hagworm.extend.statistics.registry import Registry as Registry

# Loaded on first use: who counts needs no text for scrapers.
HOMES = {
    "BUCKETS": "histogram",
    "CONTENT_TYPE": "exposition",
    "Counter": "cells",
    "Family": "family",
    "Gauge": "cells",
    "Histogram": "histogram",
    "Registry": "registry",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
