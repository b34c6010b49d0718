"""The rows of the conformance matrix that the contract suite plays, section by section."""

from tests.contract.rows import body, cookies, errors, files, headers, lifecycle, path, query, responses, websocket

SECTIONS = (path, query, headers, cookies, body, responses, files, errors, lifecycle, websocket)
ROWS = tuple(row for section in SECTIONS for row in section.ROWS)
