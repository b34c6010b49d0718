"""Things that come after each other: their order, and what can be reached from where."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from hagworm.extend.error import CycleFound, NoCandidate

__all__ = ("Graph",)

N = TypeVar("N", bound=Hashable)


class Graph(Generic[N]):
    """A directed graph: `Graph({"app": ["database", "cache"]})` says that app needs database and cache.

    Nodes and edges keep the order in which they came, so that every answer is the same each time. None of the answers
    goes deeper than its loop: a chain of a million nodes is no problem.
    """

    __slots__ = ("edges",)

    def __init__(self, edges: Mapping[N, Iterable[N]] | None = None) -> None:
        self.edges: dict[N, dict[N, None]] = {}

        for node, targets in (edges or {}).items():
            self.add_node(node)

            for target in targets:
                self.add_edge(node, target)

    def __repr__(self) -> str:
        return f"<Graph {len(self.edges)} nodes, {sum(map(len, self.edges.values()))} edges>"

    def __len__(self) -> int:
        return len(self.edges)

    def __iter__(self) -> Iterator[N]:
        return iter(self.edges)

    def __contains__(self, node: object) -> bool:
        return node in self.edges

    def add_node(self, node: N) -> None:
        """Put a node in, if it is not there."""
        self.edges.setdefault(node, {})

    def add_edge(self, node: N, target: N) -> None:
        """Say that `node` needs `target`; both are put in."""
        self.add_node(node)
        self.add_node(target)
        self.edges[node][target] = None

    def remove_node(self, node: N) -> None:
        """Take a node out, and all edges from it and to it. Raises `NoCandidate` where it is not there."""
        self.targets(node)
        del self.edges[node]

        for targets in self.edges.values():
            targets.pop(node, None)

    def targets(self, node: N) -> tuple[N, ...]:
        """Return what a node needs itself. Raises `NoCandidate` where it is not there."""
        if node not in self.edges:
            raise NoCandidate(f"{node!r} is not in the graph")

        return tuple(self.edges[node])

    def sources(self, node: N) -> tuple[N, ...]:
        """Return what needs a node itself."""
        self.targets(node)
        return tuple([source for source, targets in self.edges.items() if node in targets])

    def reversed(self) -> "Graph[N]":
        """Return the graph with all edges turned round."""
        graph: Graph[N] = Graph()

        for node in self.edges:
            graph.add_node(node)

        for node, targets in self.edges.items():
            for target in targets:
                graph.add_edge(target, node)

        return graph

    def order(self) -> list[N]:
        """Return all nodes, each after everything that it needs. Raises `CycleFound`, which has the way round."""
        return [node for layer in self.layers() for node in layer]

    def layers(self) -> list[list[N]]:
        """Return all nodes in layers: those of one need nothing but what is in the layers before, so that they can be
        started together. Raises `CycleFound`.
        """
        waiting = {node: len(targets) for node, targets in self.edges.items()}
        needed_by = self.reversed().edges
        layers = []
        layer = [node for node, count in waiting.items() if not count]

        while layer:
            layers.append(layer)
            following = []

            for node in layer:
                for source in needed_by[node]:
                    waiting[source] -= 1

                    if not waiting[source]:
                        following.append(source)

            layer = following

        if cycle := self.find_cycle() if sum(map(len, layers)) < len(self.edges) else []:
            raise CycleFound(cycle)

        return layers

    def find_cycle(self) -> list[N]:
        """Return a way from a node back to it, that node at both ends; empty where there is none."""
        done: set[N] = set()

        for start in self.edges:
            path: dict[N, Iterator[N]] = {}

            if start not in done:
                path[start] = iter(self.edges[start])

            while path:
                node = next(reversed(path))

                for target in path[node]:
                    if target in path:
                        way = list(path)
                        return [*way[way.index(target) :], target]

                    if target not in done:
                        path[target] = iter(self.edges[target])
                        break
                else:
                    done.add(node)
                    del path[node]

        return []

    def reachable(self, *starts: N) -> set[N]:
        """Return everything that can be reached from `starts` by one edge or more.

        A start is among them only where a way leads back to it. Raises `NoCandidate` for one that is not there.
        """
        found: set[N] = set()
        open_nodes = [target for start in starts for target in self.targets(start)]

        while open_nodes:
            node = open_nodes.pop()

            if node not in found:
                found.add(node)
                open_nodes.extend(self.edges[node])

        return found

    def path(self, start: N, end: N) -> list[N]:
        """Return a shortest way between two nodes, both included. Raises `NoCandidate` where none leads there."""
        before: dict[N, N] = {}
        self.targets(end)
        layer = [start]

        while layer:
            following = []

            for node in layer:
                for target in self.targets(node):
                    if target not in before:
                        before[target] = node
                        following.append(target)

                    if target == end:
                        way = [end, before[end]]

                        while way[-1] != start:
                            way.append(before[way[-1]])

                        return way[::-1]

            layer = following

        raise NoCandidate(f"no way leads from {start!r} to {end!r}")
