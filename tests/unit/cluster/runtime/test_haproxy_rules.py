"""How many connections HAProxy takes, and how many of them from one address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.runtime.haproxy_rules import MOST_CONNECTIONS, limits


@given(st.integers(1, 2_000_000))
def test_no_more_connections_are_taken_than_there_are_files(files: int) -> None:
    found = limits(None, [], files)
    assert 1 <= found.connections <= min(MOST_CONNECTIONS, files)
    assert 1 <= found.per_address <= found.connections


@given(st.integers(2, 2_000_000))
def test_one_address_leaves_room_for_others(files: int) -> None:
    found = limits(None, [], max(files, 4))
    assert found.per_address <= found.connections / 2


@pytest.mark.parametrize("chosen", [0, 1, 100_000])
def test_the_operators_cap_counts(chosen: int) -> None:
    assert limits(chosen, [], 20_000).per_address == chosen


def test_without_a_limit_of_files_the_server_has_its_own() -> None:
    assert limits(None, [], None).connections == MOST_CONNECTIONS
