"""Whether files are the ones that a result was made from."""

import os

import pytest

from hdrfuse.batch.identity import FileIdentity, are_unchanged
from hdrfuse.errors import ImageError


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"some pixels")
    return path


def test_an_untouched_file_is_the_same(photo):
    assert FileIdentity.of(photo).holds(photo)


def test_a_copy_with_another_time_is_the_same(photo):
    identity = FileIdentity.of(photo)
    os.utime(photo, ns=(1, 1))
    assert identity.holds(photo)


@pytest.mark.parametrize("content", [b"more pixels, and more", b"same pixels"])
def test_other_content_is_not(photo, content):
    identity = FileIdentity.of(photo)
    os.utime(photo, ns=(1, 1))
    photo.write_bytes(content)
    assert not identity.holds(photo)


def test_a_missing_or_renamed_file_is_not(photo):
    identity = FileIdentity.of(photo)
    other = photo.rename(photo.with_name("b.jpg"))
    assert not identity.holds(photo)
    assert not identity.holds(other)
    with pytest.raises(ImageError, match=r"a\.jpg"):
        FileIdentity.of(photo)


def test_the_order_and_the_number_of_files_count(photo):
    second = photo.with_name("b.jpg")
    second.write_bytes(b"other")
    identities = [FileIdentity.of(photo), FileIdentity.of(second)]
    assert are_unchanged(identities, [photo, second])
    assert not are_unchanged(identities, [second, photo])
    assert not are_unchanged(identities, [photo])


def test_an_edit_that_keeps_size_and_time_shows_where_the_content_is_looked_at(photo):
    identity = FileIdentity.of(photo)
    photo.write_bytes(b"same pixels")
    os.utime(photo, ns=(1, identity.mtime_ns))
    assert identity.holds(photo)
    assert not identity.holds(photo, whatever_the_time=True)


def test_where_only_the_size_was_noted_it_decides(photo):
    noted = FileIdentity(name="a.jpg", size=11)
    assert noted.holds(photo, whatever_the_time=True)
    photo.write_bytes(b"more pixels, and more")
    assert not noted.holds(photo)
