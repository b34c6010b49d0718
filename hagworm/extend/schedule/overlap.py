"""What becomes of a run that is due while another one is going on."""

from typing import Literal

__all__ = ("Admission", "Overlap", "admit")

Overlap = Literal["skip", "queue", "concurrent", "cancel"]
"""`skip`: the new run is left out; `queue`: it waits; `concurrent`: both go on; `cancel`: it ends the other one."""

Admission = Literal["start", "wait", "skip", "replace"]


def admit(overlap: Overlap, *, running: int, waiting: int, limit: int = 1, backlog: int = 1) -> Admission:
    """Return what to do with a run that is due, while `running` others go on and `waiting` ones are to follow them.

    `limit` is how many may go on at once where they may, `backlog` how many may wait. `replace` means: cancel what goes
    on and what waits, and start the new run when that has ended.
    """
    if running < (limit if overlap == "concurrent" else 1) and not waiting:
        return "start"

    if overlap == "queue":
        return "wait" if waiting < backlog else "skip"

    return "replace" if overlap == "cancel" else "skip"
