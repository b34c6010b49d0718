"""All figures of a process, by name."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, cast, overload

from hagworm.extend.statistics.cells import Counter, Gauge
from hagworm.extend.statistics.exposition import Sample, expose, histogram
from hagworm.extend.statistics.family import Family
from hagworm.extend.statistics.histogram import BUCKETS, Histogram

__all__ = ("Registry",)

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")

Figure = Counter | Gauge | Histogram


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One metric."""

    name: str
    text: str
    kind: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]
    home: "Figure | Family[Any]"

    def samples(self) -> Iterator[Sample]:
        """Yield what it shows now."""
        if isinstance(self.home, Family):
            for values, figure in sorted(self.home.figures.copy().items()):
                yield from samples_of(figure, dict(zip(self.labels, values, strict=True)))
        else:
            yield from samples_of(self.home, {})


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """An object whose `statistics()` are shown."""

    prefix: str
    read: Callable[[], Any]
    labels: Mapping[str, str]


class Registry:
    """Makes figures and renders them all: `registry.counter("orders_total", "Orders placed.").inc()`.

    A name that is asked for again gives the same figure; with another kind, other labels or buckets it is a ValueError,
    as is a name that Prometheus does not know. With `labels`, there is a `Family` of figures.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.watched: list[Watched] = []
        self.lock = Lock()

    def __repr__(self) -> str:
        return f"<Registry {len(self.entries)} metrics, {len(self.watched)} objects watched>"

    @overload
    def counter(self, name: str, text: str) -> Counter: ...
    @overload
    def counter(self, name: str, text: str, *, labels: Sequence[str], limit: int = 1000) -> Family[Counter]: ...
    def counter(self, name: str, text: str, *, labels: Sequence[str] = (), limit: int = 1000) -> Any:
        """Return the counter of that name; by the field's custom it ends with `_total`."""
        return self.enter(name, text, Counter, labels, limit)

    @overload
    def gauge(self, name: str, text: str, *, read: Callable[[], float] | None = None) -> Gauge: ...
    @overload
    def gauge(self, name: str, text: str, *, labels: Sequence[str], limit: int = 1000) -> Family[Gauge]: ...
    def gauge(
        self,
        name: str,
        text: str,
        *,
        read: Callable[[], float] | None = None,
        labels: Sequence[str] = (),
        limit: int = 1000,
    ) -> Any:
        """Return the gauge of that name; with `read` it shows what that function returns."""
        return self.enter(name, text, lambda: Gauge(read), labels, limit)

    @overload
    def histogram(self, name: str, text: str, *, buckets: Sequence[float] = BUCKETS) -> Histogram: ...
    @overload
    def histogram(
        self, name: str, text: str, *, buckets: Sequence[float] = BUCKETS, labels: Sequence[str], limit: int = 1000
    ) -> Family[Histogram]: ...
    def histogram(
        self,
        name: str,
        text: str,
        *,
        buckets: Sequence[float] = BUCKETS,
        labels: Sequence[str] = (),
        limit: int = 1000,
    ) -> Any:
        """Return the histogram of that name; its unit, seconds mostly, belongs into the name."""
        return self.enter(name, text, lambda: Histogram(buckets), labels, limit)

    def watch(self, prefix: str, read: Callable[[], Any], **labels: str) -> Callable[[], None]:
        """Show an object's statistics: `registry.watch("pool", pool.statistics, name="orders")`.

        `read` returns a dataclass or a mapping; each number in it is a gauge `<prefix>_<field>`, read when rendered, so
        that it costs nothing before. Objects of one prefix are told apart by `labels`. Returns what ends that; until
        then the object is kept alive.
        """
        if not NAME.fullmatch(prefix):
            raise ValueError(f"{prefix!r} is no name for metrics")

        watched = Watched(prefix, read, labels)
        self.watched.append(watched)

        def forget() -> None:
            if watched in self.watched:
                self.watched.remove(watched)

        return forget

    def render(self) -> str:
        """Return the text for a scraper; its media type is `CONTENT_TYPE`."""
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        for _, entry in sorted(self.entries.copy().items()):
            yield from expose(entry.name, entry.kind, entry.text, entry.samples())

        shown: dict[str, list[Sample]] = {}

        for watched in self.watched.copy():
            for field, value in numbers(watched.read()):
                shown.setdefault(f"{watched.prefix}_{field}", []).append(("", watched.labels, value))

        for name, samples in sorted(shown.items()):
            yield from expose(name, "gauge", f"See {name.partition('_')[0]}'s statistics.", samples)

    def enter(self, name: str, text: str, make: Callable[[], Figure], labels: Sequence[str], limit: int) -> Any:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a metric")

        example = make()
        buckets = example.buckets if isinstance(example, Histogram) else ()
        home: Figure | Family[Any] = Family(make, labels, limit=limit) if labels else example
        fresh = Entry(name, text, example.kind, tuple(labels), buckets, home)

        with self.lock:
            entry = self.entries.setdefault(name, fresh)

        if (entry.kind, entry.labels, entry.buckets) != (fresh.kind, fresh.labels, fresh.buckets):
            raise ValueError(f"{name!r} is there already: a {entry.kind} by {', '.join(entry.labels) or 'nothing'}")

        return entry.home


def samples_of(figure: Figure, labels: Mapping[str, str]) -> Iterator[Sample]:
    if isinstance(figure, Histogram):
        yield from histogram(labels, figure.buckets, figure.read())
    else:
        yield "", labels, figure.value


def numbers(statistics: Any) -> Iterator[tuple[str, float]]:
    if isinstance(statistics, Mapping):
        fields = dict(statistics)
    else:
        fields = {field.name: getattr(statistics, field.name) for field in dataclasses.fields(statistics)}

    for name, value in fields.items():
        if isinstance(value, int | float):
            yield name, cast(float, value)
