"""Locations: taken apart and put together without loss, whatever comes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reelyard.actors.jobs.locations import (
    File,
    Foreign,
    JobInputs,
    JobOutput,
    Location,
    ObjectUrl,
    Stored,
    TaskOutputs,
    Upload,
    WebUrl,
    file_path,
    is_location,
    last_name,
    named_task,
    parse_location,
    parse_step_input,
    scheme_of,
    shown,
    stored_key,
)
from reelyard.cluster.errors import InvalidInput
from reelyard.cluster.storage.protocol import OBJECT_STORE_SCHEMES

# Surrogates are in no text that came as UTF-8.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = TEXT.filter(lambda text: "/" not in text)
SOME_NAME = NAME.filter(bool)

LOCATIONS: st.SearchStrategy[Location] = st.one_of(
    st.builds(WebUrl, st.builds("{}://{}".format, st.sampled_from(["http", "https"]), TEXT)),
    st.builds(File, TEXT.map("/{}".format)),
    st.builds(ObjectUrl, st.sampled_from(sorted(OBJECT_STORE_SCHEMES)), SOME_NAME, TEXT),
    st.builds(Stored, TEXT),
    st.builds(Upload, NAME, TEXT),
    st.builds(JobOutput, NAME, TEXT),
    st.builds(TaskOutputs, TEXT),
)


@given(LOCATIONS)
@example(File("//a/b"))
@example(File("/a b/ü#1?x=%41.mp4"))
@example(File("/a\nb\t/"))
@example(Stored("tenants/t/dlb/out/x #1?.wav"))
def test_a_location_survives_being_written_down(location: Location) -> None:
    assert parse_location(str(location)) == location
    assert parse_step_input(str(location)) == location


@given(TEXT)
def test_any_text_is_a_location_or_refused_as_no_input(text: str) -> None:
    for prefix in ("", "file:", "file://", "s3://", "S3:", "storage:", "http://[", "task:"):
        with suppress(InvalidInput):
            location = parse_location(prefix + text)
            assert parse_location(str(location)) == location or isinstance(location, File)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("https://a.test/b c?d#e", WebUrl("https://a.test/b c?d#e")),
        ("HTTP://a.test/", WebUrl("HTTP://a.test/")),
        ("/media/a:b.mp4", File("/media/a:b.mp4")),
        ("/out/", File("/out/")),
        ("clip.mp4", File("clip.mp4")),
        ("", File("")),
        ("input", File("input")),
        ("file:///a%20b.mp4", File("/a b.mp4")),
        ("FILE:///a", File("/a")),
        ("file:a", File("a")),
        ("file:///out/", File("/out/")),
        ("s3://bucket/a/b", ObjectUrl("s3", "bucket", "a/b")),
        ("S3://bucket/a", ObjectUrl("s3", "bucket", "a")),
        ("gs://bucket", ObjectUrl("gs", "bucket", "")),
        ("s3://bucket/%2e%2e/a", ObjectUrl("s3", "bucket", "%2e%2e/a")),
        ("storage:tenants/t/jobs/j/a-1/b.mp4", Stored("tenants/t/jobs/j/a-1/b.mp4")),
        ("storage:tenants/t/uploads/u/", Stored("tenants/t/uploads/u/")),
        ("storage:", Stored("")),
        ("STORAGE:tenants/other/x", Stored("tenants/other/x")),
        ("storage://a", Stored("//a")),
        ("storage:a/../b", Stored("a/../b")),
        ("storage:a%2f..", Stored("a%2f..")),
        ("upload:abc", Upload("abc")),
        ("upload:abc/a/b.mp4", Upload("abc", "a/b.mp4")),
        ("job:1", JobOutput("1")),
        ("job:1/a.mp4", JobOutput("1", "a.mp4")),
        ("task:probe", TaskOutputs("probe")),
        ("ftp://a/b", Foreign("ftp", "ftp://a/b")),
        ("C:\\clip.mp4", Foreign("c", "C:\\clip.mp4")),
        (" http://a", File(" http://a")),
        ("\x01http://a", File("\x01http://a")),
        ("ht\ntp://a", File("ht\ntp://a")),
        ("stor\tage:x", File("stor\tage:x")),
    ],
)
def test_a_scheme_says_what_is_named_and_nothing_is_guessed(text: str, location: Location) -> None:
    assert parse_location(text) == location


@pytest.mark.parametrize("text", ["s3:a", "s3:/a/b", "s3://", "s3:///key", "GS:", "file://[/a"])
def test_a_url_that_names_nothing_is_no_input(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_location(text)
    assert repr(text) in caught.value.message


def test_input_means_the_jobs_inputs_in_a_step_only() -> None:
    assert parse_step_input("input") == JobInputs()
    assert str(JobInputs()) == "input"
    assert parse_step_input("INPUT") == File("INPUT")


def test_the_texts_of_stored_records_stay() -> None:
    assert str(Stored("tenants/t/uploads/u/")) == "storage:tenants/t/uploads/u/"
    assert str(TaskOutputs("probe")) == "task:probe"
    assert str(Upload("abc")) == "upload:abc"
    assert str(Upload("abc", "a b.mp4")) == "upload:abc/a b.mp4"
    assert str(JobOutput("1")) == "job:1"
    assert str(ObjectUrl("s3", "b", "out/")) == "s3://b/out/"
    assert str(File("/a b/é#.mp4")) == Path("/a b/é#.mp4").as_uri()
    assert str(File("/out/")) == "file:///out/"
    assert str(File("clip.mp4")) == "clip.mp4"


def test_a_path_is_told_to_be_a_folder_by_its_slash() -> None:
    assert str(File.at(Path("/out"), folder=True)) == "file:///out/"
    assert str(File.at(Path("/out"))) == "file:///out"
    assert File.at(Path("/"), folder=True) == File("/")


@given(TEXT)
@example("a\udcff.mp4")
def test_a_path_is_written_as_others_write_it(name: str) -> None:
    path = Path("/media", name.replace("\0", ""))
    assert str(File.at(path)) == path.as_uri()


def test_the_scheme_is_what_stands_before_the_colon() -> None:
    assert scheme_of("S3://bucket/key") == "s3"
    assert scheme_of("/a/path") == ""
    assert scheme_of("upload:abc") == "upload"
    assert scheme_of("1a:b") == ""


def test_only_what_lies_in_own_storage_has_a_key() -> None:
    assert stored_key("storage:a/b") == "a/b"
    for text in ("s3://a/b", "/storage:a", "file:///a", "", "storage"):
        assert stored_key(text) is None


def test_only_a_planned_tasks_name_is_one() -> None:
    assert named_task("task:probe") == "probe"
    assert named_task("file:///task:probe") is None


def test_only_a_file_url_has_a_path() -> None:
    assert file_path("file:///a%20b") == Path("/a b")
    for text in ("/a", "http://a/b", "storage:a", "file://[/a"):
        assert file_path(text) is None


def test_a_program_may_call_a_file_of_its_own_almost_anything() -> None:
    for text in ("http://a", "s3://b/k", "storage:a", "upload:a", "job:1"):
        assert is_location(text)
    for text in ("clip.mp4", "/a:b", "Upload:notes.mp4", "task:x", "file:x"):
        assert not is_location(text)


def test_the_last_name_of_a_location_is_that_of_its_path() -> None:
    assert last_name("https://a.test/b/c.webm?x=/d.mp4#e") == "c.webm"
    assert last_name("file:///a/b.mp4") == "b.mp4"
    assert last_name("storage:tenants/t/dlb/a.wav") == "a.wav"
    assert last_name("clip.mp4") == "clip.mp4"
    assert last_name("http://[") == last_name("") == ""
    assert last_name("https://a.test") == last_name("s3://bucket") == ""
    for name in ("a#b.webm", "a?b.webm", "50% ü.webm"):
        assert last_name(f"/out/{name}") == last_name(str(File(f"/out/{name}"))) == name


def test_a_file_url_may_hold_any_name() -> None:
    for name in (b"caf\xe9.mp4", b"a#b?c.mp4", b"100%.mp4", b" \n.mp4"):
        path = Path(os.fsdecode(b"/clips/" + name))
        location = parse_location(path.as_uri())
        assert isinstance(location, File)
        assert location.local == file_path(path.as_uri()) == path
        assert parse_location(str(location)) == location
    assert parse_location("file:///a#b?c.mp4") == File("/a#b?c.mp4")


def test_a_message_shows_a_location_without_its_secrets_however_long_they_are() -> None:
    text = f"https://joe:{'x' * 300}@media.test/a.mp4"
    assert shown(text) == "'https://***@media.test/a.mp4'"
