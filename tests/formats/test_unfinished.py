"""What killed writers leave is found again under its temporary names, and nothing else is."""

import pytest

from hdrfuse.formats.atomic import remove_unfinished, replacing


def left_by_a_kill(path, monkeypatch):
    """Write as the writers do, a temporary file through another, and be killed before anything is renamed."""
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", lambda self, missing_ok=False: None)
        patch.setattr("hdrfuse.formats.atomic._move_to_free_name", lambda temporary, path: None)
        with replacing(path, overwrite=False) as outer:
            outer.write_bytes(b"half")
            with replacing(outer, overwrite=False) as inner:
                inner.write_bytes(b"half")


@pytest.mark.parametrize("stem", ["beach", "IMG_1.v2", "x" * 86, "x" * 90, "x" * 99, "x" * 120, "a[b]*", "é\U0001f3d6"])
def test_every_temporary_name_is_found(tmp_path, monkeypatch, stem):
    path = tmp_path / f"{stem}.exr"
    left_by_a_kill(path, monkeypatch)
    assert len(list(tmp_path.iterdir())) == 2
    remove_unfinished(path)
    assert list(tmp_path.iterdir()) == []


def test_other_files_stay(tmp_path, monkeypatch):
    others = [tmp_path / name for name in ("beach.b.exr", "beach.preview.jpg", "beach.exr", "beac.exr", "beach.hdr")]
    for path in others:
        left_by_a_kill(path, monkeypatch)
        path.write_bytes(b"whole")
    before = set(tmp_path.iterdir())
    remove_unfinished(tmp_path / "beach.exr")
    gone = before - set(tmp_path.iterdir())
    assert len(gone) == 2
    assert all(path.name.lstrip(".").startswith("beach.") and path.suffix == ".exr" for path in gone)
    assert all(path.read_bytes() == b"whole" for path in others)


def test_a_missing_folder_holds_nothing(tmp_path):
    remove_unfinished(tmp_path / "nowhere" / "beach.exr")
