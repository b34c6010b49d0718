"""A Redis for the tests that need one that processes share."""

import os
from collections.abc import Iterator

import pytest

from tests.redis_server import REDIS_SERVER, run_redis


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running Redis."""
    if REDIS_SERVER is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Redis is not installed: apt-get install redis-server")

        pytest.skip("Redis is not installed")

    with run_redis(tmp_path_factory.mktemp("redis")) as port:
        yield port
