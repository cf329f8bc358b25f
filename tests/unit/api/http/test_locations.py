"""The places that a client may name."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.locations import File, ObjectUrl, Stored, parse_location
from reelyard.api.http.locations import check_file, check_store, check_stored, check_url
from reelyard.cluster.errors import Forbidden, InvalidInput, SourceForbidden
from reelyard.cluster.settings import Settings


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def as_file(text: str) -> File:
    place = parse_location(text)
    assert isinstance(place, File)
    return place


def as_object(text: str) -> ObjectUrl:
    place = parse_location(text)
    assert isinstance(place, ObjectUrl)
    return place


def as_stored(text: str) -> Stored:
    place = parse_location(text)
    assert isinstance(place, Stored)
    return place


@pytest.mark.parametrize("text", ["http://", "http:///x", "https://a b/c", "http://[::1/x"])
def test_a_url_without_a_host_or_with_spaces_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(text)


@given(st.text(max_size=50))
def test_any_text_as_a_url_is_taken_or_refused_with_an_error_of_ours(rest: str) -> None:
    with suppress(InvalidInput, SourceForbidden):
        assert check_url("http://" + rest) == "http://" + rest


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/a.mp4", "https://10.1.2.3/", "http://[::1]/a", "http://[fe80::1]/"],
)
def test_an_address_that_is_not_public_is_refused_unless_the_operator_allows_it(url: str) -> None:
    with pytest.raises(SourceForbidden, match="not on the public internet"):
        check_url(url)


def test_an_address_is_taken_at_the_port_that_the_operator_allows() -> None:
    allowed = ["127.0.0.1:8000", "[::1]:80"]
    for url in ("http://127.0.0.1:8000/a.mp4", "http://[::1]/a", "https://93.184.216.34/a.mp4"):
        assert check_url(url, allowed) == url
    with pytest.raises(SourceForbidden):
        check_url("http://127.0.0.1:8001/a.mp4", allowed)


def test_a_path_is_for_admins_only_unless_it_lies_in_an_open_folder(tmp_path: Path) -> None:
    inside = tmp_path / "open" / "a b.mp4"
    inside.parent.mkdir()
    inside.touch()
    roots = [str(tmp_path / "open")]
    assert check_file(as_file(str(inside)), admin=False, roots=roots) == inside.resolve().as_uri()
    assert (
        check_file(as_file(inside.as_uri()), admin=False, roots=roots) == inside.resolve().as_uri()
    )
    assert check_file(as_file("/etc/passwd"), admin=True, roots=()) == "file:///etc/passwd"
    for outside in ("/etc/passwd", f"{roots[0]}/../secret", f"{roots[0]}x/a"):
        with pytest.raises(SourceForbidden):
            check_file(as_file(outside), admin=False, roots=roots)


def test_a_link_out_of_an_open_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "open"
    root.mkdir()
    (tmp_path / "secret").touch()
    (root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceForbidden):
        check_file(as_file(str(root / "link")), admin=False, roots=[str(root)])


@pytest.mark.parametrize("text", ["clip.mp4", "./clip.mp4", "file:clip.mp4", "/a\0b", ""])
def test_a_path_that_is_not_absolute_is_no_input(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_file(as_file(text), admin=True, roots=())


def test_a_folder_as_a_destination_keeps_its_slash() -> None:
    assert check_file(as_file("/out/"), admin=True, roots=()) == "file:///out/"


def test_an_object_store_is_open_below_the_operators_prefixes_only() -> None:
    opened = settings(input_stores=["s3://media/in/"])
    assert check_store(as_object("s3://media/in/a.mp4"), admin=False, settings=opened)
    for text in ("s3://media/input.mp4", "s3://media/out/a.mp4", "gs://media/in/a.mp4"):
        with pytest.raises(SourceForbidden):
            check_store(as_object(text), admin=False, settings=opened)
    for text in ("s3://media/in/../out/a.mp4", "s3://media/in/%2e%2e/a.mp4"):
        with pytest.raises(InvalidInput):
            check_store(as_object(text), admin=False, settings=opened)
    assert check_store(as_object("s3://any/thing"), admin=True, settings=opened)


def test_a_stored_object_belongs_to_its_tenant() -> None:
    mine = "storage:tenants/a/jobs/x/out.mp4"
    assert check_stored(as_stored(mine), "a", admin=False) == mine
    assert check_stored(as_stored(mine), "b", admin=True) == mine
    with pytest.raises(Forbidden):
        check_stored(as_stored(mine), "b", admin=False)
    for text in ("storage:", "storage:/etc", "storage:tenants/a/../b/x"):
        with pytest.raises(InvalidInput):
            check_stored(as_stored(text), "a", admin=False)
