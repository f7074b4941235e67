from itertools import pairwise

import numpy as np
import pytest

from hdrfuse.deghosting.tiles import OVERLAP_PX, batched, plan_tiles

SIZES = [(1, 1), (5, 300), (256, 256), (257, 511), (333, 1021), (64, 1000), (700, 259)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("tile_px", "multiple_of"), [(64, 32), (100, 4), (256, 16), (256, 32)])
def test_tiles_cover_every_pixel_with_weights_that_sum_to_one(size, tile_px, multiple_of):
    covered = np.zeros((*size, 3), np.float32)
    for tile in plan_tiles(*size, tile_px=tile_px, multiple_of=multiple_of):
        assert tile.rows.start % multiple_of == tile.columns.start % multiple_of == 0
        assert tile.rows.stop - tile.rows.start == tile.shape[0] <= tile_px
        assert tile.columns.stop - tile.columns.start == tile.shape[1] <= tile_px
        assert tile.row_weights.min() >= 0
        tile.add_to(covered, np.ones((*tile.shape, 3), np.float32))
    np.testing.assert_allclose(covered, 1.0, atol=1e-6)


def test_a_frame_smaller_than_a_tile_is_one_tile():
    (tile,) = plan_tiles(100, 256, tile_px=256)
    assert tile.shape == (100, 256)
    assert (tile.row_weights == 1).all()


def test_neighbours_share_enough_to_fade_into_each_other():
    tiles = plan_tiles(200, 3001, tile_px=256, multiple_of=16)
    for left, right in pairwise(tiles):
        assert left.columns.stop - right.columns.start >= OVERLAP_PX
        assert left.column_weights[-1] < 0.01
        assert right.column_weights[0] < 0.01


def test_few_pixels_are_worked_on_twice():
    tiles = plan_tiles(4000, 6000, tile_px=512, multiple_of=8)
    assert sum(height * width for height, width in (tile.shape for tile in tiles)) < 1.18 * 4000 * 6000


def test_a_picture_taken_apart_and_put_together_is_the_same():
    picture = np.random.default_rng(0).uniform(0, 1, (301, 477, 3)).astype(np.float32)
    again = np.zeros_like(picture)
    for tile in plan_tiles(301, 477, tile_px=128):
        tile.add_to(again, picture[tile.rows, tile.columns])
    np.testing.assert_allclose(again, picture, atol=1e-6)


def test_batches_hold_every_tile_once_and_one_shape_each():
    tiles = plan_tiles(301, 477, tile_px=128, multiple_of=4)
    batches = batched(tiles, largest=3)
    assert sorted(id(tile) for batch in batches for tile in batch) == sorted(map(id, tiles))
    assert all(len({tile.shape for tile in batch}) == 1 and len(batch) <= 3 for batch in batches)
