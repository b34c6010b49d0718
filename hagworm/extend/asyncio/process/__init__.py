"""Processes, driven by a loop: looked after, stopped in order, replaced one by one."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.process.member import attend as attend
    from hagworm.extend.asyncio.process.supervisor import ProcessSupervisor as ProcessSupervisor

HOMES = {"ProcessSupervisor": "supervisor", "attend": "member"}

__all__ = (*HOMES,)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
