"""When something is due: grids and cron expressions, and what becomes of moments that were missed or that overlap."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.schedule.agenda import Agenda as Agenda
    from hagworm.extend.schedule.agenda import Due as Due
    from hagworm.extend.schedule.agenda import Missed as Missed
    from hagworm.extend.schedule.agenda import Schedule as Schedule
    from hagworm.extend.schedule.cron import Cron as Cron
    from hagworm.extend.schedule.cron import Fold as Fold
    from hagworm.extend.schedule.cron import Gap as Gap
    from hagworm.extend.schedule.grid import Grid as Grid
    from hagworm.extend.schedule.overlap import Admission as Admission
    from hagworm.extend.schedule.overlap import Overlap as Overlap
    from hagworm.extend.schedule.overlap import admit as admit
    from hagworm.extend.schedule.pause import pause_after as pause_after
    from hagworm.extend.schedule.roster import Placement as Placement
    from hagworm.extend.schedule.roster import Roster as Roster

# Loaded on first use: a grid needs no time zones and no syntax.
HOMES = {
    "Admission": "overlap",
    "Agenda": "agenda",
    "Cron": "cron",
    "Due": "agenda",
    "Fold": "cron",
    "Gap": "cron",
    "Grid": "grid",
    "Missed": "agenda",
    "Overlap": "overlap",
    "Placement": "roster",
    "Roster": "roster",
    "Schedule": "agenda",
    "admit": "overlap",
    "pause_after": "pause",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
