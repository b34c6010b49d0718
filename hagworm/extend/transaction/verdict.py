"""What is told when steps at the end of a transaction have failed."""

import logging
from collections.abc import Sequence

from hagworm.extend.error import CommitFailed, RollbackFailed

__all__ = ("Failure", "attach", "raise_failures")

logger = logging.getLogger("hagworm")

Failure = tuple[str, BaseException]
"""The name of a step, and what it raised."""


def raise_failures(kind: type[CommitFailed] | type[RollbackFailed], failures: Sequence[Failure]) -> None:
    """Raise what has failed as one error of that kind; what is no `Exception`, an interrupt for example, as it is."""
    if not failures:
        return

    errors = [error for _, error in failures if isinstance(error, Exception)]
    group = kind(f"{len(failures)} steps failed: {', '.join(name for name, _ in failures)}", errors) if errors else None

    for _, error in failures:
        if not isinstance(error, Exception):
            raise error from group

    if group is not None:
        raise group


def attach(original: BaseException, failures: Sequence[Failure]) -> None:
    """Add to the error with which a transaction ends what has failed on the way, and log that.

    An interrupt among it is raised, caused by `original`.
    """
    for name, error in failures:
        original.add_note(f"at the end of the transaction {name} failed: {error!r}")
        logger.error("at the end of a transaction %s failed", name, exc_info=error)

    for _, error in failures:
        if not isinstance(error, Exception):
            raise error from original
