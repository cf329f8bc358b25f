"""The addresses that a server may bind."""

import pytest

from reelyard.api.serving.bind import check_bind
from reelyard.cluster.errors import BadRequest
from reelyard.cluster.settings import Settings


def test_binding_beyond_this_machine_needs_a_key_first() -> None:
    check_bind(Settings(host="127.0.0.1"), keys_are_needed=False)
    check_bind(Settings(host="0.0.0.0"), keys_are_needed=True)
    with pytest.raises(BadRequest, match="reelyard keys create"):
        check_bind(Settings(host="0.0.0.0"), keys_are_needed=False)
