"""Links lead to where the operator says, or to what can only be this server."""

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reelyard.api.http import public_address
from reelyard.api.http.public_address import bound_address, is_ours, link_base, machine_names
from reelyard.cluster.settings import Settings
from tests.unit.api.api_harness import ApiHarness, MakeHarness

OURS = (
    "127.0.0.1",
    "127.0.0.1:8000",
    "[::1]:8000",
    "localhost",
    "LOCALHOST:1",
    "media.localhost:8000",
    "192.0.2.7:8000",
    "[2001:db8::7]",
    "box",
    "box.lan:8000",
    "media.example.com",
    "a.b.example.org:443",
)
FOREIGN = (
    "evil.test",
    "evil.test:8000",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "evil.test/127.0.0.1",
    "127.0.0.1@evil.test",
    "evil.test#127.0.0.1",
    "127.0.0.1:8000/x",
    "127.0.0.1:8000 x",
    "127.0.0.1:port",
    "example.org",
    "badexample.org",
    "",
)


@pytest.mark.parametrize("host", OURS)
def test_addresses_loopback_and_known_names_are_ours(host: str) -> None:
    assert is_ours(host, {"box", "box.lan"}, ["media.example.com", "*.example.org"])


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_host_is_not(host: str) -> None:
    assert not is_ours(host, {"box", "box.lan"}, ["media.example.com", "*.example.org"])


def test_this_machines_name_is_ours() -> None:
    assert all(is_ours(f"{name}:80", machine_names(), []) for name in machine_names())


@given(st.text())
def test_a_link_never_leads_to_a_host_that_is_not_ours(host: str) -> None:
    base = link_base(Settings(port=8000), "http", host)
    assert base == "http://127.0.0.1:8000" or is_ours(host, machine_names(), [])


def test_the_operators_url_counts_before_everything() -> None:
    settings = Settings(public_url="https://media.example.com/x/")
    assert link_base(settings, "http", "localhost:1") == "https://media.example.com/x"


def test_links_of_a_server_that_is_bound_everywhere_have_an_address_of_this_machine() -> None:
    assert bound_address("192.0.2.7", 80) == "192.0.2.7:80"
    assert bound_address("::1", 80) == "[::1]:80"
    assert not bound_address("0.0.0.0", 80).startswith("0.")


def test_what_to_set_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_address, "_teller", public_address._Teller())
    with structlog.testing.capture_logs() as lines:
        for host in ("a.test", "b.test"):
            link_base(Settings(), "http", host)
    assert [line["host"] for line in lines] == ["a.test"]
    assert "public_url" in lines[0]["event"]
    assert "allowed_hosts" in lines[0]["event"]


async def test_a_redirect_never_leads_to_the_clients_host(harness: ApiHarness) -> None:
    answer = await harness.get("/v1/jobs/", headers={"host": "evil.test"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/v1/jobs")


async def test_no_request_is_refused_for_its_host_nor_answered_with_it(
    make_harness: MakeHarness,
) -> None:
    harness = await make_harness()
    harness.use(await harness.key("acme"))
    for path in ("/v1/jobs", "/v1/jobs/"):
        answer = await harness.get(path, headers={"host": "evil.test"})
        assert answer.status_code in (200, 307)
        assert "evil.test" not in answer.text + str(answer.headers)
