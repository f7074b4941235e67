import json

import numpy as np
import pytest
import torch
from PIL import Image

from hdrfuse.errors import HdrfuseError
from hdrfuse.training.checkpoint import check_finite
from hdrfuse.training.journal import logged_step
from hdrfuse.training.validation_picture import MOST_PICTURES, keep_picture, side_by_side


def test_a_weight_that_is_no_number_is_never_saved():
    check_finite({"a": torch.zeros(3)})
    for bad in (float("nan"), float("inf")):
        with pytest.raises(HdrfuseError, match=r"layer\.bias holds NaN or infinity"):
            check_finite({"a": torch.zeros(3), "layer.bias": torch.tensor([0.0, bad])})


def test_a_log_line_that_was_cut_off_belongs_to_no_step():
    assert logged_step(json.dumps({"step": 7, "loss": 1.0})) == 7
    assert logged_step('{"step": 7, "lo') == float("inf")


def test_pictures_stand_side_by_side_tonemapped():
    dark, white = np.zeros((8, 6, 3), np.float32), np.full((8, 6, 3), 2.0, np.float32)
    picture = side_by_side([(dark, white), (white, dark)])
    assert picture.shape == (20, 16, 3)
    assert picture[0, 0].max() == 0
    assert picture[0, -1].min() == 255
    assert picture[-1, 0].min() == 255


def test_few_pictures_are_kept_and_they_span_the_run(tmp_path):
    for step in range(40):
        keep_picture(tmp_path, step, np.zeros((4, 4, 3), np.uint8))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) <= MOST_PICTURES
    assert names[0] == "step-0000000.png"
    assert names[-1] == "step-0000039.png"
    assert Image.open(tmp_path / names[0]).size == (4, 4)
