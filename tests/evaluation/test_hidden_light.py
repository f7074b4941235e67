"""Hidden light: where it is, and what scores inside it are of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_vgg import write_vgg

from hdrfuse.errors import WeightsError
from hdrfuse.evaluation.hidden_light import FEWEST_PIXELS, HiddenLight, LightMasks
from hdrfuse.evaluation.methods import PlainMethod, reference_alone
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.records import BYSTANDERS, DECIDING, Records, code_checksum
from hdrfuse.evaluation.session import Evaluating
from hdrfuse.metrics import psnr_mu
from hdrfuse.metrics.psnr import mu_law
from hdrfuse.training.losses import PerceptualLoss

from .conftest import HIDDEN, LIT, HidingScene, hiding_bracket


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    place = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    write_vgg(place)
    return place


def marked(*places):
    mask = np.zeros((32, 48), bool)
    for place in places:
        mask[place] = True
    return mask


def test_light_is_hidden_where_the_reference_clips_and_the_darker_frame_shows_something_else():
    masks = LightMasks.of(hiding_bracket())
    assert np.array_equal(masks.clipped, marked(LIT))
    assert np.array_equal(masks.hidden, marked(HIDDEN))


def test_what_the_darker_frame_clips_too_is_not_hidden():
    assert np.array_equal(LightMasks.of(hiding_bracket(light=2.0)).hidden, marked(HIDDEN))


def test_nothing_is_hidden_without_a_darker_frame():
    bracket = hiding_bracket()
    alone = replace(bracket, frames=bracket.frames[1:], evs=bracket.evs[1:], reference=0)
    masks = LightMasks.of(alone)
    assert not masks.hidden.any()
    assert np.array_equal(masks.clipped, marked(LIT))


def test_scores_are_those_of_the_masks_pixels_and_clip_as_asked():
    bracket = hiding_bracket()
    result = bracket.truth + np.random.default_rng(1).normal(0, 0.3, bracket.truth.shape).astype(np.float32)
    for clip in (True, False):
        found = HiddenLight().scores(result, bracket.truth, LightMasks.of(bracket), clip=clip)
        assert found == {
            "PSNR-mu hidden": psnr_mu(result[HIDDEN], bracket.truth[HIDDEN], clip=clip),
            "PSNR-mu clipped": psnr_mu(result[LIT], bracket.truth[LIT], clip=clip),
        }


@pytest.mark.parametrize(("pixels", "scored"), [(FEWEST_PIXELS - 1, False), (FEWEST_PIXELS, True)])
def test_a_mask_of_few_pixels_has_no_score(vgg, pixels, scored):
    bracket = hiding_bracket()
    mask = np.zeros(32 * 48, bool)
    mask[:pixels] = True
    masks = LightMasks(hidden=mask.reshape(32, 48), clipped=marked(LIT))
    found = HiddenLight(vgg=vgg).scores(bracket.truth / 2, bracket.truth, masks, clip=True)
    assert set(found) == {"PSNR-mu clipped", *(("PSNR-mu hidden", "VGG hidden") if scored else ())}


def test_the_distance_of_features_is_their_mean_inside_the_mask(vgg):
    rng = np.random.default_rng(0)
    truth, result = (rng.uniform(0, 1.2, (140, 180, 3)).astype(np.float32) for _ in range(2))
    mask = np.zeros((140, 180), bool)
    mask[50:66, 61:83] = rng.random((16, 22)) < 0.7
    masks = LightMasks(hidden=mask, clipped=mask)
    found = HiddenLight(vgg=vgg).scores(result, truth, masks, clip=True)["VGG hidden"]
    a, b = (
        torch.from_numpy(mu_law(np.clip(x, 0, 1))).float().permute(2, 0, 1)[None].clamp(0, 1) for x in (result, truth)
    )
    network, expected = PerceptualLoss(vgg), []
    for level, (p, q) in enumerate(zip(network.features(a), network.features(b), strict=True)):
        share = F.avg_pool2d(torch.from_numpy(mask.astype(np.float32))[None, None], 2**level)
        expected.append(float(((p - q).abs().mean(1) * share[0]).sum() / share.sum()))
    assert found == pytest.approx(np.mean(expected), rel=1e-4)


def test_what_is_no_vgg19_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="not VGG19"):
        HiddenLight(vgg=tmp_path / "none.safetensors").check()


def test_scores_inside_hidden_light_are_recorded_and_asked_for(tmp_path):
    def run(hidden):
        how = Evaluating(protocol=Protocol(), records=Records(folder=tmp_path), pictures=False, hidden=hidden)
        (scene,) = how.run([HidingScene("one", source="a")], [PlainMethod("reference", reference_alone, "it")])
        return scene

    plain, asked = run(None), run(HiddenLight())
    assert asked.source == "a"
    assert "PSNR-mu hidden" not in plain.scores[0].values
    assert asked.scores[0].values["PSNR-mu hidden"] < asked.scores[0].values["PSNR-mu"]
    assert run(HiddenLight()) == asked


def test_the_code_of_features_decides_scores(monkeypatch):
    assert all(each.split("/")[0] in BYSTANDERS for each in DECIDING)
    code_checksum.cache_clear()
    before = code_checksum()
    monkeypatch.setattr("hdrfuse.evaluation.records.DECIDING", frozenset())
    code_checksum.cache_clear()
    assert code_checksum() != before
    code_checksum.cache_clear()
