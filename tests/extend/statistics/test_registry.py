"""Figures have one home by name, cannot be blown up from outside, and are told as Prometheus reads them."""

from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hagworm.extend.statistics import Registry
from hagworm.extend.statistics.family import OTHER


def test_a_name_gives_the_same_figure_again() -> None:
    registry = Registry()
    registry.counter("orders_total", "Orders.").inc(3)

    assert registry.counter("orders_total", "Orders.").value == 3
    assert repr(registry) == "<Registry 1 metrics, 0 objects watched>"


def test_a_name_is_of_one_kind() -> None:
    registry = Registry()
    registry.counter("orders", "Orders.")
    registry.histogram("seconds", "Time.", buckets=(1, 2))

    with pytest.raises(ValueError, match="a counter by nothing"):
        registry.gauge("orders", "Orders.")

    with pytest.raises(ValueError, match="there already"):
        registry.counter("orders", "Orders.", labels=("shop",))

    with pytest.raises(ValueError, match="there already"):
        registry.histogram("seconds", "Time.", buckets=(1, 3))


def test_names_that_prometheus_does_not_know_are_refused() -> None:
    registry = Registry()

    with pytest.raises(ValueError, match="no name"):
        registry.counter("orders-total", "")

    for labels in (("a", "a"), ("__a",), ("le",), ("a b",)):
        with pytest.raises(ValueError, match="no labels"):
            registry.counter("orders", "", labels=labels)


def test_label_values_are_text_one_for_each_label() -> None:
    family = Registry().counter("orders", "", labels=("shop", "kind"))

    for values in (("a",), ("a", 1)):
        with pytest.raises(TypeError, match="need a text each"):
            family.at(*values)  # type: ignore[arg-type]  # that is the test


def test_a_full_family_counts_the_rest_together() -> None:
    family = Registry().counter("orders", "", labels=("shop",), limit=2)

    for number in range(100):
        family.at(f"shop {number}").inc()

    assert {values: figure.value for values, figure in family.figures.items()} == {
        ("shop 0",): 1,
        ("shop 1",): 1,
        (OTHER,): 98,
    }
    assert repr(family) == "<Family by shop: 3 of 2>"


def test_the_text_is_what_the_reference_client_reads() -> None:
    registry = Registry()
    registry.counter("orders_total", "Orders \\ placed,\nby shop.", labels=("shop",)).at('a "b"\\\n').inc(2)
    registry.gauge("depth", "Depth.", read=lambda: float("inf"))
    registry.gauge("cold", "Cold.").set(-0.5)
    registry.histogram("seconds", "Time.", buckets=(0.5, 2)).observe(1)

    told = {family.name: family for family in text_string_to_metric_families(registry.render())}

    assert told["orders"].documentation == "Orders \\ placed,\nby shop."
    assert [(sample.labels, sample.value) for sample in told["orders"].samples] == [({"shop": 'a "b"\\\n'}, 2.0)]
    assert told["depth"].samples[0].value == float("inf")
    assert told["cold"].samples[0].value == -0.5
    assert [(sample.name, sample.labels, sample.value) for sample in told["seconds"].samples] == [
        ("seconds_bucket", {"le": "0.5"}, 0.0),
        ("seconds_bucket", {"le": "2"}, 1.0),
        ("seconds_bucket", {"le": "+Inf"}, 1.0),
        ("seconds_sum", {}, 1.0),
        ("seconds_count", {}, 1.0),
    ]


def test_statistics_of_objects_are_shown_until_they_are_forgotten() -> None:
    @dataclass
    class Statistics:
        waiting: int
        name: str = "text is not shown"

    registry = Registry()
    forget = registry.watch("pool", lambda: Statistics(3), name="orders")
    registry.watch("pool", lambda: {"waiting": 4}, name="users")

    assert 'pool_waiting{name="orders"} 3\npool_waiting{name="users"} 4\n' in registry.render()

    forget()
    forget()

    assert 'name="orders"' not in registry.render()

    with pytest.raises(ValueError, match="no name"):
        registry.watch("a b", dict)
