"""Where settings come from, and what counts first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelyard.cluster.errors import ValidationFailed
from reelyard.cluster.settings import PoolSettings, Settings, default_pools


def test_an_argument_counts_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "reelyard.toml"
    file.write_text('port = 1111\nhost = "127.0.0.2"\nnamespace = "file"\n')
    monkeypatch.setenv("REELYARD_CONFIG", str(file))
    monkeypatch.setenv("REELYARD_PORT", "2222")
    monkeypatch.setenv("REELYARD_HOST", "127.0.0.3")
    settings = Settings(host="127.0.0.4")
    assert (settings.host, settings.port, settings.namespace) == ("127.0.0.4", 2222, "file")


def test_lists_and_tables_are_written_as_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_INPUT_ROOTS", '["/srv/a", "/mnt/with, comma"]')
    monkeypatch.setenv("REELYARD_STORAGE_OPTIONS", '{"region": "eu-1"}')
    monkeypatch.setenv("REELYARD_POOLS", '{"cpu": {"max_workers": 4}}')
    settings = Settings()
    assert settings.input_roots == ["/srv/a", "/mnt/with, comma"]
    assert settings.storage_options == {"region": "eu-1"}
    assert settings.all_pools["cpu"].max_workers == 4


def test_a_table_of_texts_is_written_as_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_STORAGE_OPTIONS", "endpoint=http://store:9000, region=eu-1")
    assert Settings().storage_options == {"endpoint": "http://store:9000", "region": "eu-1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("INPUT_ROOTS", '["/srv'), ("STORAGE_OPTIONS", "{region"), ("POOLS", "cpu")],
)
def test_what_is_no_json_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"REELYARD_{name}", value)
    with pytest.raises(ValidationFailed, match=rf"\(REELYARD_{name}\): is not valid JSON"):
        Settings()


def test_lists_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_INPUT_ROOTS", "/srv/a, /srv/b")
    assert Settings().input_roots == ["/srv/a", "/srv/b"]


def test_a_wrong_value_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_LEASE_TTL_S", "-1")
    monkeypatch.setenv("REELYARD_PORT", "http")
    with pytest.raises(ValidationFailed) as refused:
        Settings()
    message = "lease_ttl_s (REELYARD_LEASE_TTL_S): must be more than 0, not '-1'"
    assert message in refused.value.message
    assert "port (REELYARD_PORT)" in refused.value.message


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_STORAGE_OPTIONS", '{"secret_access_key": ["hush"]}')
    with pytest.raises(ValidationFailed, match="storage_options") as refused:
        Settings()
    assert "hush" not in refused.value.message


def test_a_value_that_is_no_json_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_POOLS", "cpu=3")
    with pytest.raises(ValidationFailed, match="pools"):
        Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [("port = ", "as TOML"), ("prot = 1", "prot: there is no such setting"), (None, "no file")],
)
def test_a_wrong_file_says_what_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    file = tmp_path / "yard.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("REELYARD_CONFIG", str(file))
    with pytest.raises(ValidationFailed, match=message):
        Settings()


def test_a_lease_that_ends_before_the_next_report_is_refused() -> None:
    with pytest.raises(ValidationFailed, match=r"heartbeat_s.*must be at most 0\.3, a third"):
        Settings(lease_ttl_s=0.9)


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 16, 64])
def test_the_minimum_of_all_pools_fits_the_machine(cores: int) -> None:
    pools = default_pools(cores)
    wanted = sum(pool.min_workers * pool.cpus_per_worker for pool in pools.values())
    most = sum(
        pool.max_workers * pool.cpus_per_worker
        for pool in pools.values()
        if not pool.gpus_per_worker
    )
    assert wanted <= cores
    assert most <= cores + 1e-6


def test_an_operators_pool_replaces_the_one_of_that_name() -> None:
    settings = Settings(pools={"cpu": PoolSettings(max_workers=7)}, cpus=2)
    assert settings.all_pools["cpu"].max_workers == 7
    assert "light" in settings.all_pools


def test_a_signing_secret_does_not_show() -> None:
    secrets: dict[str, Any] = {
        "signing_secret": "hush",
        "store_url": "redis://:hush@host",
        "storage_options": {"secret_access_key": "hush"},
    }
    assert "hush" not in repr(Settings(**secrets))
