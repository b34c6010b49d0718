"""The Prometheus text that tells figures to a scraper (exposition format 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import inf, isinf, isnan

__all__ = ("CONTENT_TYPE", "Sample", "expose", "histogram", "number")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[str, Mapping[str, str], float]
"""The suffix of a metric's name, labels, value."""

ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def expose(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of one metric: its help, its type, its samples."""
    yield f"# HELP {name} {text.translate(HELP_ESCAPES)}\n# TYPE {name} {kind}\n"

    for suffix, labels, value in samples:
        inside = ",".join(f'{key}="{str(content).translate(ESCAPES)}"' for key, content in labels.items())
        yield f"{name}{suffix}{{{inside}}} {number(value)}\n" if inside else f"{name}{suffix} {number(value)}\n"


def histogram(labels: Mapping[str, str], buckets: Sequence[float], row: Sequence[float]) -> Iterator[Sample]:
    """Yield the samples of one histogram; `row` is the sum, then the number in each bucket and beyond the last."""
    running = list(accumulate(row[1:]))

    for bound, count in zip((*map(number, buckets), "+Inf"), running, strict=True):
        yield "_bucket", {**labels, "le": bound}, count

    yield "_sum", labels, row[0]
    yield "_count", labels, running[-1]


def number(value: float) -> str:
    """Write a number as scrapers read it: whole ones without a point."""
    if isnan(value):
        return "NaN"

    if isinf(value):
        return "+Inf" if value == inf else "-Inf"

    return str(int(value)) if value == int(value) else repr(float(value))
