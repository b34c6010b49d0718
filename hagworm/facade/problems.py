"""The problems of one request, collected while its values are read."""

from hagworm.facade.bodies import problems_of
from hagworm.facade.failure import Problem, ValidationFailed

__all__ = ("Problems", "missing", "note")


class Problems:
    """What is wrong so far, and with which parameters."""

    __slots__ = ("found", "wrong")

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.wrong: set[int] = set()

    def failure(self) -> ValidationFailed:
        """The error that reports them all."""
        return ValidationFailed(self.found)


def note(problems: Problems | None, number: int, loc: tuple[str, ...], error: Exception) -> Problems:
    """Add what a validator says of parameter `number`."""
    problems = problems or Problems()
    problems.found += problems_of(error, loc)
    problems.wrong.add(number)
    return problems


def missing(problems: Problems | None, number: int, loc: tuple[str, ...]) -> Problems:
    """Add that the required parameter `number` is absent."""
    problems = problems or Problems()
    problems.found.append(Problem(loc, "Field required", "missing"))
    problems.wrong.add(number)
    return problems
