"""Values that are made of others: bytes, constants, results, rings, graphs, and containers for threads."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.struct.bytearray import ByteArray as ByteArray
    from hagworm.extend.struct.bytearray import Endian as Endian
    from hagworm.extend.struct.bytearray import Length as Length
    from hagworm.extend.struct.constant import Const as Const
    from hagworm.extend.struct.constant import Namespace as Namespace
    from hagworm.extend.struct.constant import freeze as freeze
    from hagworm.extend.struct.enumeration import member_names as member_names
    from hagworm.extend.struct.enumeration import member_or as member_or
    from hagworm.extend.struct.enumeration import member_values as member_values
    from hagworm.extend.struct.enumeration import parse_member as parse_member
    from hagworm.extend.struct.graph import Graph as Graph
    from hagworm.extend.struct.local import SharedDict as SharedDict
    from hagworm.extend.struct.local import SharedList as SharedList
    from hagworm.extend.struct.local import ThreadLocalDict as ThreadLocalDict
    from hagworm.extend.struct.local import ThreadLocalList as ThreadLocalList
    from hagworm.extend.struct.mapping import LowerKeyDict as LowerKeyDict
    from hagworm.extend.struct.result import Err as Err
    from hagworm.extend.struct.result import Null as Null
    from hagworm.extend.struct.result import NullData as NullData
    from hagworm.extend.struct.result import Ok as Ok
    from hagworm.extend.struct.result import Result as Result
    from hagworm.extend.struct.result import attempt as attempt
    from hagworm.extend.struct.ring import HashRing as HashRing
    from hagworm.extend.struct.rotation import LeastLoaded as LeastLoaded
    from hagworm.extend.struct.rotation import RoundRobin as RoundRobin
    from hagworm.extend.struct.rotation import WeightedRoundRobin as WeightedRoundRobin

# Loaded on first use: who wants a constant needs no graph.
HOMES = {
    "ByteArray": "hagworm.extend.struct.bytearray",
    "Const": "hagworm.extend.struct.constant",
    "Endian": "hagworm.extend.struct.bytearray",
    "Err": "hagworm.extend.struct.result",
    "Graph": "hagworm.extend.struct.graph",
    "HashRing": "hagworm.extend.struct.ring",
    "LeastLoaded": "hagworm.extend.struct.rotation",
    "Length": "hagworm.extend.struct.bytearray",
    "LowerKeyDict": "hagworm.extend.struct.mapping",
    "Namespace": "hagworm.extend.struct.constant",
    "Null": "hagworm.extend.struct.result",
    "NullData": "hagworm.extend.struct.result",
    "Ok": "hagworm.extend.struct.result",
    "Result": "hagworm.extend.struct.result",
    "RoundRobin": "hagworm.extend.struct.rotation",
    "SharedDict": "hagworm.extend.struct.local",
    "SharedList": "hagworm.extend.struct.local",
    "ThreadLocalDict": "hagworm.extend.struct.local",
    "ThreadLocalList": "hagworm.extend.struct.local",
    "WeightedRoundRobin": "hagworm.extend.struct.rotation",
    "attempt": "hagworm.extend.struct.result",
    "freeze": "hagworm.extend.struct.constant",
    "member_names": "hagworm.extend.struct.enumeration",
    "member_or": "hagworm.extend.struct.enumeration",
    "member_values": "hagworm.extend.struct.enumeration",
    "parse_member": "hagworm.extend.struct.enumeration",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
