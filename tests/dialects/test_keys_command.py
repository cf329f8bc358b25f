"""API keys, from the command line to the request."""

from __future__ import annotations

import requests

from tests.live_server import LiveServer


def test_a_key_works_from_its_making_to_its_revocation(server: LiveServer) -> None:
    made = server.create_key("phone", "umbrella")
    header = {"Authorization": f"Bearer {made['key']}"}

    def status() -> int:
        return requests.get(f"{server.url}/v1/jobs", headers=header, timeout=30).status_code

    assert status() == 200
    listed = {key["key_id"]: key for key in server.cli("keys", "list")["keys"]}
    assert listed[made["key_id"]]["tenant"] == "umbrella"
    assert made["key"] not in str(listed)
    assert server.cli("keys", "revoke", made["key_id"])["key_id"] == made["key_id"]
    assert status() == 401


def test_credits_are_charged_and_limit_their_tenant(server: LiveServer, media_url: str) -> None:
    made = server.cli("keys", "create", "poor", "--tenant", "poor", "--credits", "1")
    header = {"Authorization": f"Bearer {made['key']}"}
    body = {"operation": "probe", "url": f"{media_url}/clip.mp4"}
    first = requests.post(f"{server.url}/v1/jobs", json=body, headers=header, timeout=30)
    assert first.status_code == 202
    second = requests.post(f"{server.url}/v1/jobs", json=body, headers=header, timeout=30)
    assert second.status_code == 402
    assert second.json()["code"] == "insufficient_credits"
