from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.jobs.messages import Accepted, PageQuery
from reelyard.actors.jobs.model import ErrorInfo, Job, State
from reelyard.actors.registry.vault import KEY_FILE, Vault
from reelyard.cluster.errors import SourceUnreadable, Unavailable
from tests.unit.actors.registry.builders import BROKEN, FLAKY, done, failed, make_job, make_task
from tests.unit.actors.registry.conftest import RegistryHarness

SECRET = "S3cr3t"
URL = f"https://joe:{SECRET}@media.test/a.mp4"
SHOWN = "https://***@media.test/a.mp4"
LOGO = f"https://media.test/logo.png?sig={SECRET}"


def secret_job(**fields: Any) -> Job:
    task = make_task(inputs=[URL], output=URL, params={"logo": LOGO})
    return make_job(tasks=[task], input=URL, output=URL, metadata={"source": URL}, **fields)


def stored_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_the_worker_gets_the_secrets_and_nobody_else(harness: RegistryHarness) -> None:
    (answer,) = await harness.submit(secret_job())
    assert isinstance(answer, Accepted)
    (lease,) = await harness.lease()
    assert (lease.inputs, lease.output, lease.params) == ([URL], URL, {"logo": LOGO})
    seen = await harness.job(answer.job.id)
    page = await harness.registry.page(PageQuery("default"))
    shown = repr([answer, seen, page, await harness.registry.overview()])
    assert SECRET not in shown
    assert SHOWN in shown
    assert SECRET.encode() not in stored_bytes(harness.folder)


async def test_the_key_is_for_the_eyes_of_its_user(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    key = harness.folder / KEY_FILE
    assert not key.exists()
    await harness.accepted(secret_job())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


async def test_a_restarted_registry_still_knows_the_secrets(harness: RegistryHarness) -> None:
    await harness.accepted(secret_job())
    await harness.killed_and_restarted()
    (lease,) = await harness.lease()
    assert lease.inputs == [URL]


async def test_a_retried_job_and_a_further_attempt_have_them_again(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(secret_job())
    (lease,) = await harness.lease()
    assert await harness.commit(failed(lease, FLAKY))
    await harness.tick(3600)
    (lease,) = await harness.lease()
    assert lease.inputs == [URL]
    assert await harness.commit(failed(lease, BROKEN))
    assert (await harness.job(job.id)).state is State.FAILED
    await harness.registry.retry_many([job.id], "default")
    (lease,) = await harness.lease()
    assert lease.inputs == [URL]


async def test_what_an_operation_tells_of_its_urls_is_hidden_and_they_go_when_it_is_done(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(secret_job())
    (lease,) = await harness.lease()
    assert await harness.commit(done(lease, result={"source": URL}))
    ended = await harness.job(job.id)
    assert ended.result == {"source": SHOWN}
    assert ended.tasks[0].sealed == b""


@pytest.mark.parametrize("found", [None, b"9" * 43 + b"="])
async def test_without_its_key_a_job_fails_and_says_so(
    harness: RegistryHarness, found: bytes | None
) -> None:
    (job,) = await harness.accepted(secret_job())
    key = harness.folder / KEY_FILE
    key.unlink()
    if found is not None:
        key.write_bytes(found)
    await harness.killed_and_restarted()
    assert await harness.lease() == []
    ended = await harness.job(job.id)
    assert ended.state is State.FAILED
    assert isinstance(ended.error, ErrorInfo)
    assert ended.error.code == "source_unreadable"
    assert KEY_FILE in ended.error.message
    answers = await harness.registry.retry_many([job.id], "default")
    assert "submit the job again" in repr(answers)
    await harness.accepted(secret_job())
    (lease,) = await harness.lease()
    assert lease.inputs == [URL]


async def test_a_list_by_input_takes_the_url_as_it_was_sent_or_as_it_is_shown(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(secret_job())
    await harness.accepted(make_job())
    for text in (URL, SHOWN):
        found = await harness.registry.page(PageQuery("default", input=text))
        assert [item.id for item in found] == [job.id]


async def test_a_record_of_an_earlier_version_is_found_shown_without_secrets_and_still_runs(
    harness: RegistryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "hide", lambda *_: None)
        (job,) = await harness.accepted(secret_job())
    await harness.killed_and_restarted()
    assert SECRET not in repr(await harness.registry.page(PageQuery("default", input=URL)))
    assert SECRET not in repr(await harness.job(job.id))
    (lease,) = await harness.lease()
    assert lease.inputs == [URL]
    assert await harness.commit(failed(lease, BROKEN))
    (stored,) = (await harness.store.get_many([job.id])).values()
    assert stored.secrets_hidden
    assert stored.input == SHOWN


def test_a_key_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"nonsense")
    with pytest.raises(Unavailable, match=KEY_FILE):
        Vault(tmp_path).hide(secret_job())


def test_what_was_sealed_with_another_key_is_not_opened(tmp_path: Path) -> None:
    job = secret_job()
    Vault(tmp_path / "a").hide(job)
    other = Vault(tmp_path / "b")
    other.hide(secret_job())
    with pytest.raises(SourceUnreadable, match="not the one"):
        other.open(job.tasks[0])
    assert other.locked([job, make_job()]) == 1


def test_a_key_among_the_settings_is_used_instead_of_a_file(tmp_path: Path) -> None:
    key = "0" * 43 + "="
    job = secret_job()
    Vault(tmp_path, key).hide(job)
    assert list(tmp_path.iterdir()) == []
    assert Vault(tmp_path / "elsewhere", key).open(job.tasks[0]).inputs == [URL]
