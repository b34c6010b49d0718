"""What a process counts: counters, gauges and histograms, exact under threads, and the text a scraper reads."""

from hagworm.extend.statistics.cells import Counter, Gauge
from hagworm.extend.statistics.exposition import CONTENT_TYPE
from hagworm.extend.statistics.family import Family
from hagworm.extend.statistics.histogram import BUCKETS, Histogram
from hagworm.extend.statistics.registry import Registry

__all__ = ("BUCKETS", "CONTENT_TYPE", "Counter", "Family", "Gauge", "Histogram", "Registry")
