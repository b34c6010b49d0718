"""A class of one object has one, and never half of one; a registry knows every subclass once."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest

from hagworm.extend.error import DefinitionError, NoCandidate, SingletonError
from hagworm.extend.metaclass import Singleton, SingletonMeta, SubclassRegistry, reset_singleton


@pytest.fixture(autouse=True)
def forgets() -> Iterator[None]:
    before = dict(SingletonMeta._made)
    yield
    SingletonMeta._made.clear()
    SingletonMeta._made.update(before)


def test_s1_a_constructor_that_fails_raises_and_is_tried_again() -> None:
    class Source(Singleton):
        attempts = 0

        def __init__(self, fails: bool = False) -> None:
            Source.attempts += 1

            if fails:
                raise ConnectionError("no database")

    with pytest.raises(ConnectionError, match="no database"):
        Source(fails=True)

    assert Source() is Source()
    assert Source.attempts == 2


def test_s1_arguments_that_come_too_late_are_not_ignored() -> None:
    class Source(Singleton):
        def __init__(self, url: str) -> None:
            self.url = url

    source = Source("a")

    with pytest.raises(SingletonError, match="cannot be made with other arguments"):
        Source("b")

    assert Source() is source  # type: ignore[call-arg]  # it is there already
    assert reset_singleton(Source) is source
    assert reset_singleton(Source) is None
    assert Source("b").url == "b"


def test_s1_constructors_may_make_each_other_and_not_themselves() -> None:
    class Inner(Singleton):
        pass

    class Outer(Singleton):
        def __init__(self) -> None:
            self.inner = Inner()

    class Circle(Singleton):
        def __init__(self) -> None:
            Circle()

    assert Outer().inner is Inner()

    for _ in range(2):
        with pytest.raises(SingletonError, match="asks for .*Circle itself"):
            Circle()


def test_s1_threads_that_come_at_once_get_the_same() -> None:
    made, begun = [], threading.Barrier(8)

    class Source(Singleton):
        def __init__(self) -> None:
            made.append(self)

    def ask() -> None:
        begun.wait()
        got.append(Source())

    got: list[Source] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert got == made * 8


def test_subclasses_have_objects_of_their_own() -> None:
    class Base(Singleton):
        pass

    class Derived(Base):
        pass

    assert type(Base()) is Base
    assert type(Derived()) is Derived


def test_a_registry_knows_its_subclasses_by_name() -> None:
    class Exporter(SubclassRegistry):
        pass

    class CSV(Exporter, name="csv"):
        pass

    class Excel(Exporter):
        pass

    class Wide(CSV, name=None):
        pass

    class Other(SubclassRegistry):
        pass

    assert Exporter.subclasses() == {"csv": CSV, "Excel": Excel}
    assert CSV.subclasses() == Other.subclasses() == {}
    assert Exporter.find("csv") is CSV
    assert Wide.registry is Exporter.registry

    with pytest.raises(NoCandidate, match="there is no Exporter called 'cvs' \\(did you mean 'csv'\\?\\)"):
        Exporter.find("cvs")

    Exporter.forget("csv")
    assert Exporter.subclasses() == {"Excel": Excel}

    with pytest.raises(DefinitionError, match="are both called 'Excel'"):

        class Another(Exporter, name="Excel"):
            pass


def test_abstract_classes_are_not_in_a_registry() -> None:
    class Base(SubclassRegistry, ABC):
        @abstractmethod
        def run(self) -> int: ...

    class Half(Base):
        pass

    class Whole(Half):
        def run(self) -> int:
            return 1

    assert Base.subclasses() == {"Whole": Whole}
