"""Which of several nodes has a key, so that few keys move when nodes come and go."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from hagworm.extend.base.digest import Data, stable_hash64
from hagworm.extend.error import BadValue, NoCandidate

__all__ = ("HashRing",)

T = TypeVar("T")


class HashRing(Generic[T]):
    """Keys shared out over nodes (consistent hashing, Karger et al. 1997), alike in every process.

    Nodes are known by their `str`, stand on a circle in as many places as `replicas` times their weight, and each key
    goes to the next one. A node that comes takes keys only to itself, and one that goes leaves the others theirs. It is
    for one thread to change; any number may look at it meanwhile.
    """

    __slots__ = ("names", "places", "replicas", "weights")

    def __init__(self, nodes: "Iterable[T] | Mapping[T, int]" = (), *, replicas: int = 160) -> None:
        if replicas < 1:
            raise BadValue("at least one place for a node", replicas)

        self.replicas = replicas
        self.weights: dict[T, int] = {}
        self.names: dict[str, T] = {}
        # (place on the circle, name): the name decides where two nodes share a place.
        self.places: list[tuple[int, str]] = []

        for node, weight in nodes.items() if isinstance(nodes, Mapping) else ((node, 1) for node in nodes):
            self.add(node, weight)

    def __repr__(self) -> str:
        return f"<HashRing {len(self.weights)} nodes, {len(self.places)} places>"

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self.weights))

    def __contains__(self, node: object) -> bool:
        return node in self.weights

    def add(self, node: T, weight: int = 1) -> None:
        """Put a node on the circle. Raises `BadValue` for one that is there, and for a weight below 1."""
        if weight < 1:
            raise BadValue("a weight of at least 1", weight)

        if (name := str(node)) in self.names:
            raise BadValue("a node that is not there yet", name)

        self.weights[node], self.names[name] = weight, node
        places = list(self.places)

        for replica in range(self.replicas * weight):
            insort(places, (stable_hash64(name, replica), name))

        self.places = places

    def remove(self, node: T) -> None:
        """Take a node off the circle. Raises `NoCandidate` for one that is not there."""
        if node not in self.weights:
            raise NoCandidate(f"there is no node {node!r}")

        name = str(node)
        self.places = [place for place in self.places if place[1] != name]
        del self.weights[node], self.names[name]

    def get(self, key: Data | int) -> T:
        """Return the node that has `key`. Raises `NoCandidate` where there is no node."""
        return self.get_several(key, 1)[0]

    def get_several(self, key: Data | int, count: int) -> list[T]:
        """Return the first `count` different nodes for `key`, or all there are: the first has it, the others copies."""
        places = self.places

        if not places:
            raise NoCandidate("there is no node")

        index = bisect_right(places, (stable_hash64(key), ""))
        found: dict[str, None] = {}

        for step in range(len(places)):
            found[places[(index + step) % len(places)][1]] = None

            if len(found) >= count:
                break

        return [self.names[name] for name in found]
