"""Processes, driven by a loop: looked after, stopped in order, replaced one by one."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.asyncio.process.member import attend as attend
    from hagworm.extend.asyncio.process.supervisor import ProcessSupervisor as ProcessSupervisor

HOMES = {"ProcessSupervisor": "supervisor", "attend": "member"}

__all__ = (*HOMES,)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
