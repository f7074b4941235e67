"""Clips: packed once, small, and only those of the split that are whole."""

import cv2
import numpy as np
import pytest
from moving_clips import SIZE, drawn_frame, write_clip

from hdrfuse.data import clips as clips_module
from hdrfuse.data.clips import clip_frames, open_clips
from hdrfuse.data.packing import Sources, open_split
from hdrfuse.data.splits import split_of
from hdrfuse.errors import BadInputError


@pytest.fixture
def folder(tmp_path):
    """One training clip, the published set's first."""
    folder = tmp_path / "clips"
    folder.mkdir()
    write_clip(folder / "01_dog.mp4")
    return folder


def opened(folder, tmp_path, **kwargs):
    return open_clips(Sources(images=(folder,)), tmp_path / "cache", "train", **kwargs)


def test_a_clip_is_packed_at_half_its_size_frame_by_frame(folder, tmp_path):
    ((clip,), skipped) = opened(folder, tmp_path)
    codes = clip.codes()
    assert clip.name == "01_dog"
    assert skipped == ()
    assert codes.shape == (24, SIZE[1] // 2, SIZE[0] // 2, 3)
    assert codes.dtype == np.uint8
    assert isinstance(codes, np.memmap)
    for index in (0, 11, 23):
        drawn = cv2.cvtColor(drawn_frame(4 + 6 * index), cv2.COLOR_BGR2RGB)
        half = cv2.resize(drawn, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(codes[index] - half).mean() < 4  # the square, a frame earlier or later, is 7 away


def test_a_large_clip_is_packed_640_pixels_wide(tmp_path):
    video = cv2.VideoWriter(str(tmp_path / "x.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, (1920, 1080))
    if not video.isOpened():
        pytest.skip("this OpenCV has no mp4v encoder")
    for _ in range(3):
        video.write(np.full((1080, 1920, 3), 90, np.uint8))
    video.release()
    assert [frame.shape for frame in clip_frames(tmp_path / "x.mp4")] == [(360, 640, 3)] * 3


def test_a_clip_is_packed_once_and_again_when_it_changes(folder, tmp_path):
    read = []
    for _ in range(2):
        opened(folder, tmp_path, report=read.append)
    assert read == ["01_dog.mp4"]
    write_clip(folder / "01_dog.mp4", frames=30)
    ((clip,), _) = opened(folder, tmp_path, report=read.append)
    assert len(read) == 2
    assert len(clip.codes()) == 30


def test_a_long_clip_is_packed_up_to_a_bound(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "MOST_FRAMES", 7)
    ((clip,), skipped) = opened(folder, tmp_path)
    assert len(clip.codes()) == 7
    assert skipped == ()


def test_clips_of_other_splits_are_never_opened(folder, tmp_path, monkeypatch):
    for name in ("02_cups", "04_coffee"):
        (folder / f"{name}.mp4").write_bytes(b"opening this would be an error")
    decoded = []
    monkeypatch.setattr(clips_module, "clip_frames", lambda path: decoded.append(path.name) or clip_frames(path))
    clips, skipped = opened(folder, tmp_path)
    assert [clip.name for clip in clips] == ["01_dog"]
    assert skipped == ()
    assert decoded == ["01_dog.mp4"]


def test_two_of_the_published_clips_are_trained_on_and_two_are_reserved():
    splits = [split_of(name) for name in ("01_dog", "02_cups", "03_blocks", "04_coffee")]
    assert splits == ["train", "reserved"] * 2


def test_clips_below_images_and_below_movers_are_taken_once(folder, tmp_path):
    upper = folder / "more"
    upper.mkdir()
    write_clip(upper / "03_blocks.MOV".replace(".MOV", ".mp4")).rename(upper / "03_blocks.MOV")
    (folder / "._01_dog.mp4").write_bytes(b"")
    sources = Sources(images=(folder,), movers=(upper,))
    clips, skipped = open_clips(sources, tmp_path / "cache", "train")
    assert [clip.name for clip in clips] == ["01_dog", "03_blocks"]
    assert skipped == ()


def cut_off(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def index_alone(whole: bytes) -> bytes:
    return whole[:28]


DAMAGES = {
    "cut off": (cut_off, "cut off: "),
    "without its index": (index_alone, "no video that can be decoded"),
    "no video": (lambda whole: b"this is a text, not a video", "no MPEG-4 or QuickTime file"),
    "empty": (lambda whole: b"", "cut off: 0 bytes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_clip_is_left_out_and_named(folder, tmp_path, damage, capfd):
    damaged, reason = DAMAGES[damage]
    broken = folder / "03_blocks.mp4"
    broken.write_bytes(damaged((folder / "01_dog.mp4").read_bytes()))
    for _ in range(2):  # packed, then found packed
        clips, (told,) = opened(folder, tmp_path)
        assert [clip.name for clip in clips] == ["01_dog"]
        assert told.startswith(f"{broken}: {reason}")
    assert capfd.readouterr() == ("", "")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_clip_most_of_whose_frames_are_damaged_is_left_out_without_a_word_of_the_decoder(
    shared_data, tmp_path, capfd
):  # fmt: skip
    source = shared_data / "video" / "01_dog.mp4"
    if not source.is_file():
        pytest.skip("no clips in the shared data")
    damaged = bytearray(source.read_bytes())
    damaged[800_000:1_000_000] = bytes(200_000)
    (tmp_path / "01_dog.mp4").write_bytes(damaged)
    clips, (told,) = opened(tmp_path, tmp_path)
    assert clips == ()
    assert "of 289 frames can be decoded" in told
    assert capfd.readouterr() == ("", "")


def test_a_clip_of_two_frames_is_named(tmp_path):
    path = write_clip(tmp_path / "two.mp4", frames=2)
    with pytest.raises(BadInputError, match=r"two\.mp4: 2 frames; a bracket needs 3"):
        list(clip_frames(path))


def test_a_name_that_is_no_text_is_read(folder, tmp_path):
    odd = folder / "a\udcff.mp4"
    try:
        write_clip(folder / "b.mp4").rename(odd)
    except OSError:
        pytest.skip("this file system takes no such name")
    assert len(list(clip_frames(odd))) == 24


def test_clips_change_nothing_about_the_images_and_their_cache(folder, tmp_path):
    cv2.imwrite(str(folder / "city.hdr"), np.random.default_rng(0).random((16, 32, 3), np.float32))
    read = []
    library = open_split(folder, tmp_path / "images", "train", read.append)
    assert [image.name for image in library.images] == ["city"]
    (folder / "01_dog.mp4").unlink()
    open_split(folder, tmp_path / "images", "train", read.append)
    assert read == ["city.hdr"]


def test_clips_alone_are_no_training_set(folder, tmp_path):
    with pytest.raises(BadInputError, match=r"clips alone; \.exr or \.hdr files are needed"):
        open_split(folder, tmp_path / "images", "train")


@pytest.mark.parametrize("kind", ["images", "movers"])
def test_an_empty_folder_is_told_that_clips_would_do(folder, tmp_path, kind):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInputError, match=r"empty: .*for training also clips: \.m4v \.mov \.mp4"):
        Sources(**({"images": (folder,)} | {kind: (empty,)})).files()
