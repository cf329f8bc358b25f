from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import Attempt, ErrorInfo, Job, Task
from reelyard.actors.jobs.secrecy import TaskSecrets, hide_job_secrets

SECRET = "S3cr3t"
URL = f"https://joe:{SECRET}@media.test/a.mp4?v=1&sig={SECRET}"
SHOWN = "https://***@media.test/a.mp4?v=1&sig=***"


def job_with(**fields: Any) -> Job:
    task = Task(
        name="transcode",
        operation="transcode",
        params={"watermark": {"url": URL}, "height": 360},
        inputs=[URL, "storage:x"],
        pool="cpu",
        output=URL,
    )
    given: dict[str, Any] = {"input": URL, "params": {"watermark": {"url": URL}}, "output": URL}
    return Job(
        id="id",
        tenant="t",
        dialect="v1",
        operation="transcode",
        kind="video",
        tasks=[task],
        created_ms=1,
        **(given | fields),
    )


def test_a_record_shows_no_secret_of_a_url_and_its_task_keeps_them_sealed() -> None:
    job = job_with(metadata={"source": URL}, extra={"url": [URL]}, result={"from": URL})
    hide_job_secrets(job, msgspec.msgpack.encode)
    (task,) = job.tasks
    sealed, task.sealed = task.sealed, b""
    assert SECRET not in repr(job)
    assert (job.input, job.output, task.inputs) == (SHOWN, SHOWN, [SHOWN, "storage:x"])
    assert job.metadata == {"source": SHOWN}
    assert msgspec.msgpack.decode(sealed, type=TaskSecrets) == TaskSecrets(
        {"watermark": {"url": URL}, "height": 360}, [URL, "storage:x"], URL
    )


def test_a_job_is_sealed_once() -> None:
    job = job_with()
    hide_job_secrets(job, msgspec.msgpack.encode)
    sealed = job.tasks[0].sealed
    hide_job_secrets(job, lambda _: b"again")
    job.secrets_hidden = False
    hide_job_secrets(job, lambda _: b"again")
    assert job.tasks[0].sealed == sealed


def test_a_job_without_secrets_keeps_its_words_and_nothing_is_sealed() -> None:
    job = job_with(input="a.mp4", output=None, params={})
    job.tasks[0] = Task("probe", "probe", {}, ["https://media.test/watch?v=abc"], "light")
    hide_job_secrets(job, lambda _: b"sealed")
    assert job.tasks[0].sealed == b""
    assert job.tasks[0].inputs == ["https://media.test/watch?v=abc"]
    assert job.secrets_hidden


def test_a_job_of_local_files_is_marked_as_one_without_secrets() -> None:
    job = job_with(input="/a.mp4", output="/b.mp4", params={"title": "sig=3"})
    job.tasks[0] = Task("probe", "probe", {"title": "sig=3"}, ["/a.mp4"], "light")
    before = msgspec.structs.asdict(job)
    hide_job_secrets(job, lambda _: b"sealed")
    assert msgspec.structs.asdict(job) == before | {"secrets_hidden": True}


@given(
    st.recursive(
        st.sampled_from([URL, "plain", "://", 7, None]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_no_secret_of_a_url_shows_wherever_it_lies(value: Any) -> None:
    job = job_with(input="a", output=None, params={}, metadata={"deep": value})
    job.tasks[0] = Task("probe", "probe", {"deep": value}, [], "light")
    hide_job_secrets(job, msgspec.msgpack.encode)
    job.tasks[0].sealed = b""
    assert SECRET not in repr(job)


def test_errors_of_earlier_versions_lose_their_secrets_too() -> None:
    error = ErrorInfo("source_not_found", f"{URL} is not there", details={"url": URL})
    job = job_with(error=error)
    job.tasks[0].error = error
    job.tasks[0].attempts = [Attempt(1, "w", "n", "cpu", 1, error=error)]
    hide_job_secrets(job, msgspec.msgpack.encode)
    job.tasks[0].sealed = b""
    assert SECRET not in repr(job)
    assert job.error is not None
    assert job.error.message == f"{SHOWN} is not there"
