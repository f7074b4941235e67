import numpy as np
import pytest

from hdrfuse.errors import BadInputError
from hdrfuse.evaluation.protocol import VDP_PRESETS, Protocol
from hdrfuse.evaluation.published import METRICS
from hdrfuse.evaluation.scoring import scores


def test_equal_pictures_score_infinity_one_and_a_hundred(bracket):
    found = scores(bracket.truth, bracket.truth, Protocol())
    assert list(found) == [metric.name for metric in METRICS]
    assert found["PSNR-mu"] == found["PSNR-L"] == np.inf
    assert found["SSIM-mu"] == pytest.approx(1, abs=1e-12)
    assert found["HDR-VDP-2"] == 100


def test_clipping_is_for_predictions_and_can_be_left_out(bracket):
    beyond = bracket.truth + 2 * (bracket.truth > 0.9 * bracket.truth.max())
    clipped, raw = (scores(beyond, bracket.truth, Protocol(clip=clip)) for clip in (True, False))
    assert all(clipped[name] > raw[name] for name in clipped)


def test_a_prediction_below_what_the_mu_law_takes_still_has_a_score(bracket):
    found = scores(bracket.truth - np.float32(0.3), bracket.truth, Protocol(clip=False))
    assert np.isfinite(list(found.values())).all()


def test_every_preset_gives_another_quality(bracket):
    noisy = np.clip(bracket.truth * 1.02 + 0.01, 0, 1)
    found = {scores(noisy, bracket.truth, Protocol(vdp_preset=preset))["HDR-VDP-2"] for preset in VDP_PRESETS}
    assert len(found) == len(VDP_PRESETS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bracket, value):
    wrong = bracket.truth.copy()
    wrong[3, 4, 1] = value
    with pytest.raises(BadInputError, match="the prediction: 1 of 4,608 values are NaN or infinite"):
        scores(wrong, bracket.truth, Protocol())
    with pytest.raises(BadInputError, match="the ground truth"):
        scores(bracket.truth, wrong, Protocol())


def test_the_protocols_sentences_say_what_was_done():
    plain, raw = ("\n".join(Protocol(clip=clip).sentences()) for clip in (True, False))
    assert "predictions clipped to [0, 1]" in plain
    assert "not clipped (--no-clip)" in raw
    for words in ("gamma 2.2", "exposures as stated", "not registered", "preset safnet"):
        assert words in plain
