"""In a dict of small keys capitals make no difference."""

import pytest

from hagworm.extend.error import BadValue
from hagworm.extend.struct import LowerKeyDict


def test_a_key_is_found_however_it_is_written() -> None:
    table = LowerKeyDict({"ETag": 1}, Accept=2)

    assert (table["etag"], table.get("ACCEPT"), "eTaG" in table, 7 in table) == (1, 2, True, False)
    assert list(table) == ["etag", "accept"]
    table["ETAG"] = 3
    del table["Accept"]
    assert (table.copy(), len(table), repr(table)) == (LowerKeyDict(etag=3), 1, "LowerKeyDict({'etag': 3})")
    assert table != {"ETag": 3}


def test_no_key_is_lost_when_it_is_made() -> None:
    for wrong in ({"a": 1, "A": 2}, [("a", 1), ("A", 2)]):
        with pytest.raises(BadValue, match="differ by more than their capitals, not 'A'"):
            LowerKeyDict(wrong)

    with pytest.raises(BadValue, match="a key that is text, not 1"):
        LowerKeyDict({1: 2})  # type: ignore[dict-item]  # that is what is refused
