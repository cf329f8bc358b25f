"""The addresses that a server may bind."""

import pytest

from api.serving.bind import check_bind, is_loopback
from cluster.errors import BadRequest
from cluster.settings import Settings


def test_binding_beyond_this_machine_needs_a_key_first() -> None:
    check_bind(Settings(host="127.0.0.1"), keys_are_needed=False)
    check_bind(Settings(host="0.0.0.0"), keys_are_needed=True)
    with pytest.raises(BadRequest, match="reelyard keys create"):
        check_bind(Settings(host="0.0.0.0"), keys_are_needed=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_loopback_has_many_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost.evil.example", "192.168.0.1"])
def test_other_names_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
