"""Collages: made of unseen pictures alone, the same for the same seed, and true to what they say of themselves."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from hdrfuse.data.collage import STAGE_LIT, WHITE, collage, collage_bracket, unseen_pictures
from hdrfuse.data.library import ImageLibrary
from hdrfuse.data.splits import split_of
from hdrfuse.errors import BadInputError, UsageError

SIZE = (192, 128)
STAGE_SEED = STAGE_LIT[1]


def write_scene(path: Path, shape: tuple[int, int, int]) -> None:
    """Write an HDR image with detail, a bright window and a lamp of a thousand times the rest."""
    radiance = np.random.default_rng(0).uniform(0.02, 0.3, shape).astype(np.float32)
    height, width = shape[:2]
    radiance[height // 4 : height // 2, width // 3 : width // 2] *= 12
    radiance[height // 8, width // 4] = 300
    cv2.imwrite(str(path), radiance)


def write_cutout(path: Path) -> None:
    """Write a striped disc with alpha."""
    cutout = np.full((120, 120, 4), 90, np.uint8)
    cutout[:, ::6, :3] = 200
    disc = np.zeros((120, 120), np.uint8)
    cutout[..., 3] = cv2.circle(disc, (60, 60), 55, 255, -1, cv2.LINE_AA)
    cv2.imwrite(str(path), cutout)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of HDR images and of movers; venice, Desk and rembg_car-3 are for tests, the others for training."""
    top = tmp_path_factory.mktemp("pictures")
    images, movers = top / "images", top / "movers"
    images.mkdir()
    movers.mkdir()
    for name in ("venice", "city"):
        write_scene(images / f"{name}.hdr", (128, 256, 3))
    for name in ("Desk", "Tree"):
        write_scene(images / f"{name}.hdr", (300, 220, 3))
    for name in ("rembg_car-1", "rembg_car-3"):
        write_cutout(movers / f"{name}.out.png")
    return images, movers


@pytest.fixture(scope="module")
def library(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> ImageLibrary:
    return unseen_pictures(*folders, tmp_path_factory.mktemp("packed"))


def test_pictures_that_training_reads_take_no_part(library: ImageLibrary) -> None:
    assert {image.name for image in library.images} == {"venice", "Desk", "rembg_car-3"}
    assert all(split_of(image.name) == "test" for image in library.images)


def test_without_a_folder_of_movers_shapes_cut_out_of_the_pictures_move(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    alone = unseen_pictures(folders[0], None, tmp_path)
    assert not alone.of_kind("cutout")
    bracket = collage_bracket(collage(alone, 1, SIZE), motion="moving")
    assert bracket.moving.any()


@pytest.mark.parametrize("which", ["images", "movers"])
def test_a_folder_with_nothing_for_tests_is_named(folders: tuple[Path, Path], tmp_path: Path, which: str) -> None:
    other = tmp_path / which
    other.mkdir()
    write_scene(other / "city.hdr", (16, 32, 3))
    write_cutout(other / "rembg_car-1.out.png")
    images, movers = (other, None) if which == "images" else (folders[0], other)
    with pytest.raises(BadInputError, match=which):
        unseen_pictures(images, movers, tmp_path / "packed")


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_picture(library: ImageLibrary) -> None:
    first, again, other = (
        collage_bracket(collage(library, seed, SIZE), motion="handheld-moving") for seed in (0, 0, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first.frames, again.frames, strict=True))
    assert np.array_equal(first.truth, again.truth)
    assert not np.array_equal(first.truth, other.truth)


def test_every_image_has_its_turn(library: ImageLibrary) -> None:
    assert [collage(library, seed, SIZE).name for seed in range(4)] == ["Desk", "venice"] * 2


@pytest.mark.parametrize("seed", range(6))
def test_the_reference_clips_where_the_shortest_frame_mostly_does_not(library: ImageLibrary, seed: int) -> None:
    made = collage(library, seed, SIZE)
    bracket = collage_bracket(made, motion="static")
    white = np.iinfo(np.uint16).max
    short, reference, long = ((frame == white).any(-1).mean() for frame in bracket.frames)
    assert short < 0.1
    assert short < reference < long


def test_frames_are_the_truth_at_their_exposure(library: ImageLibrary) -> None:
    bracket = collage_bracket(collage(library, 1, SIZE), motion="static", photon_noise=0, read_noise=0)
    for frame, gain in zip(bracket.frames, (1, 4, 16), strict=True):
        linear = (frame / 65535) ** 2.2
        assert np.abs(linear - np.minimum(bracket.truth * gain, 1)).max() < 1e-3


def test_frames_of_8_bits_hold_what_those_of_16_do(library: ImageLibrary) -> None:
    made = collage(library, 1, SIZE)
    fine, coarse = (collage_bracket(made, motion="moving", bits=bits) for bits in (16, 8))
    assert coarse.frames[0].dtype == np.uint8
    assert np.abs(fine.frames[1] / 65535 - coarse.frames[1] / 255).max() < 1 / 255


def test_what_moves_shows_in_the_frames_and_the_rest_stands_still(library: ImageLibrary) -> None:
    bracket = collage_bracket(collage(library, 0, SIZE), motion="moving", photon_noise=0, read_noise=0)
    short, reference = ((frame / 65535) ** 2.2 for frame in bracket.frames[:2])
    differs = np.abs(np.minimum(4 * short, 1) - reference).max(-1) > 0.01
    assert differs.any()
    assert (differs & ~bracket.moving).mean() < 1e-3
    assert 0.005 < bracket.moving.mean() < 0.9


def test_a_moving_camera_sees_picture_up_to_its_border(library: ImageLibrary) -> None:
    bracket = collage_bracket(collage(library, 0, SIZE), motion="handheld-moving", photon_noise=0, read_noise=0)
    assert not any(np.array_equal(camera, np.eye(3)) for camera in (bracket.homographies[0], bracket.homographies[2]))
    for frame in bracket.frames:
        edges = (frame[0], frame[-1], frame[:, 0], frame[:, -1])
        assert all((edge.max(-1) > 0).mean() > 0.9 for edge in edges)


def test_stage_light_clips_single_channels(library: ImageLibrary) -> None:
    made = collage(library, STAGE_SEED, SIZE)
    assert made.stage_lit
    truth = collage_bracket(made, motion="static").truth
    above = truth > WHITE
    single = above.any(-1) & ~above.all(-1)
    assert single.mean() > 0.1
    assert truth[single].min(-1).mean() < 0.3 * truth[single].max(-1).mean()


def test_a_scene_of_a_few_pixels_is_refused(library: ImageLibrary) -> None:
    with pytest.raises(UsageError, match="10x10"):
        collage(library, 0, (10, 10))
