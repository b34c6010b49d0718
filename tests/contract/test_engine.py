"""One suite for every engine on every server: the rows of the conformance matrix over real sockets."""

from collections.abc import Iterator

import pytest

from tests.contract.expected import Row
from tests.contract.rows import ROWS
from tests.contract.rows.lifecycle import PROCESS
from tests.contract.suite import PAGE, SUBJECTS, Subject, declared_by, opened, play, write_page


@pytest.fixture(scope="session", params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Start each server once, and only where its rows are played."""
    with opened(request.param) as subject:
        yield subject


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
async def test_row(subject: Subject, row: Row) -> None:
    passed, transcript = await play(subject, row)
    assert passed, f"{subject.declared.get(row.id) or row.expected} was to be, and was {transcript}"


@pytest.mark.parametrize("name", SUBJECTS)
def test_what_is_declared_is_played(name: str) -> None:
    assert set(declared_by(name)) <= {row.id for row in ROWS if row.tier != "A"} | set(PROCESS)


def test_the_rows_are_many_and_distinct() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert sum(row.tier == "A" for row in ROWS) >= 120


def test_the_page_says_what_is_asserted() -> None:
    assert PAGE.read_text() == write_page(), "run `hagworm conformance`"
