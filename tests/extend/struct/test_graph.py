"""Nothing comes before what it needs, and a circle is shown and not just told."""

import graphlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import CycleFound, NoCandidate
from hagworm.extend.struct import Graph

GRAPHS = st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4), max_size=10)
DAGS = GRAPHS.map(
    lambda edges: {node: [target for target in targets if target < node] for node, targets in edges.items()}
)


@settings(deadline=None)
@given(GRAPHS)
def test_an_order_or_a_circle_and_never_both(edges: dict[int, list[int]]) -> None:
    graph = Graph(edges)

    try:
        order = graph.order()
    except CycleFound as found:
        cycle = found.cycle
        assert cycle[0] == cycle[-1]
        assert all(target in graph.targets(node) for node, target in zip(cycle, cycle[1:], strict=False))
        assert list(cycle) == graph.find_cycle()

        with pytest.raises(graphlib.CycleError):
            graphlib.TopologicalSorter(edges).prepare()
    else:
        assert sorted(order) == sorted(graph)
        assert all(order.index(target) < order.index(node) for node in graph for target in graph.targets(node))
        assert graph.find_cycle() == []


@settings(deadline=None)
@given(DAGS)
def test_nothing_waits_longer_than_it_must(edges: dict[int, list[int]]) -> None:
    graph = Graph(edges)
    depth = {node: number for number, layer in enumerate(graph.layers()) for node in layer}

    for node in graph:
        assert depth[node] == max([depth[target] + 1 for target in graph.targets(node)], default=0)


@settings(deadline=None)
@given(GRAPHS)
def test_what_can_be_reached_is_what_a_way_leads_to(edges: dict[int, list[int]]) -> None:
    graph = Graph(edges)

    for start in graph:
        reachable = graph.reachable(start)

        for end in graph:
            if end in reachable:
                way = graph.path(start, end)
                assert (way[0], way[-1]) == (start, end)
                assert all(target in graph.targets(node) for node, target in zip(way, way[1:], strict=False))
                assert start in graph.reversed().reachable(end)
            else:
                with pytest.raises(NoCandidate, match="no way leads"):
                    graph.path(start, end)


def test_a_circle_is_shown_as_a_way() -> None:
    with pytest.raises(CycleFound, match="a circle: b -> c -> b"):
        Graph({"a": ["b"], "b": ["c"], "c": ["b"]}).order()

    with pytest.raises(CycleFound, match="a circle: a -> a"):
        Graph({"a": ["a"]}).order()


def test_a_long_chain_is_no_problem() -> None:
    graph = Graph({number: [number + 1] for number in range(20_000)})

    assert graph.order()[0] == 20_000
    assert len(graph.path(0, 20_000)) == 20_001
    graph.add_edge(20_000, 0)
    assert len(graph.find_cycle()) == 20_002


def test_nodes_come_and_go() -> None:
    graph = Graph({"app": ["database", "cache"], "worker": ["cache"]})

    assert graph.order() == ["database", "cache", "app", "worker"]
    assert graph.sources("cache") == ("app", "worker")
    assert graph.path("app", "cache") == ["app", "cache"]
    graph.remove_node("cache")
    assert ("cache" in graph, len(graph), graph.targets("worker")) == (False, 3, ())
    assert repr(graph) == "<Graph 3 nodes, 1 edges>"

    for use in (graph.targets, graph.sources, graph.remove_node, graph.reachable):
        with pytest.raises(NoCandidate, match="'cache' is not in the graph"):
            use("cache")
