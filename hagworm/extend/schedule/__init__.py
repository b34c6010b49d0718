"""When something is due: grids and cron expressions, and what becomes of moments that were missed or that overlap."""

from hagworm.extend.schedule.agenda import Agenda, Due, Missed, Schedule
from hagworm.extend.schedule.cron import Cron, Fold, Gap
from hagworm.extend.schedule.grid import Grid
from hagworm.extend.schedule.overlap import Admission, Overlap, admit
from hagworm.extend.schedule.pause import pause_after
from hagworm.extend.schedule.roster import Placement, Roster

__all__ = (
    "Admission",
    "Agenda",
    "Cron",
    "Due",
    "Fold",
    "Gap",
    "Grid",
    "Missed",
    "Overlap",
    "Placement",
    "Roster",
    "Schedule",
    "admit",
    "pause_after",
)
