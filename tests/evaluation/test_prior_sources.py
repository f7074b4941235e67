"""The prior of the frames, of the truth, of another scene or none: what each network takes, and what it makes of it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from small_network import CONFIG, write_network

from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.evaluation.ablation import find_ablations
from hdrfuse.evaluation.prior_sources import SOURCES, TAKEN, TOLD, prior_rows
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.lfdiff.config import WORDS
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.observed_blocks import block_means
from hdrfuse.lfdiff.signals import mu_law
from hdrfuse.lfdiff.weights import save_weights

from .conftest import EVS, LIT, HidingScene, hiding_bracket

MERGING = replace(Protocol().merging, device="cpu", precision="fp32")
NETWORK = ("lfdiff:network",)

SCENES = (
    HidingScene("0-still", light=0.5, source="a", group="still"),
    HidingScene("0-moving", light=0.5, source="a", group="moving"),
    HidingScene("1-still", seed=1, light=0.7, source="a", group="still"),
    HidingScene("1-moving", seed=1, light=0.7, source="a", group="moving"),
    HidingScene("2-still", seed=2, light=0.9, source="b", group="still"),
    HidingScene("2-moving", seed=2, light=0.9, source="b", group="moving"),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network of each kind of prior, whose last layers are not zero."""
    folder, found = tmp_path_factory.mktemp("weights"), {}
    for kind in WORDS["prior"]:
        config = replace(CONFIG, prior=kind, block_means_widths=(8, 8))
        torch.manual_seed(0)
        state = {name: value + 0.02 * torch.randn_like(value) for name, value in LFDiff(config).state_dict().items()}
        found[kind] = folder / f"{kind}.safetensors"
        save_weights(found[kind], config, state, tile_px=64, training={})
    return found


def results(weights, sources, scene=SCENES[0], scenes=SCENES):
    """Radiance by source."""
    found = prior_rows(NETWORK, sources, [weights], MERGING, scenes)
    assert [row.source for row in found.rows] == list(sources)
    return {row.source: row.method.merge(scene.name, scene.read()).radiance for row in found.rows}


@pytest.mark.parametrize("kind", WORDS["prior"])
def test_weights_take_what_their_kind_of_prior_can_be_and_say_so(weights, kind):
    taken = TAKEN[kind]
    found = prior_rows(NETWORK, taken, [weights[kind]], MERGING, SCENES)
    for row in found.rows:
        row.method.check()
        row.method.identity(SCENES[0].name)
    for source in SOURCES:
        if source not in taken:
            with pytest.raises(UsageError, match=rf"--prior {source}: .*{kind}.* takes {', '.join(taken)}$"):
                prior_rows(NETWORK, [source], [weights[kind]], MERGING, SCENES)


def test_a_told_prior_changes_only_what_the_reference_clips(weights):
    found = results(weights["block-means"], SOURCES)
    outside = np.ones((32, 48), bool)
    outside[LIT] = False
    for source in TOLD:
        np.testing.assert_allclose(found[source][outside], found["null"][outside], atol=2e-6)
        assert not np.allclose(found[source][LIT], found["null"][LIT], atol=1e-3)
    assert not np.array_equal(found["own"][LIT], found["null"][LIT])


@dataclass
class LitScene(HidingScene):
    """Light that rises from left to right and clips the reference everywhere; the darkest frame is nearly black."""

    def read(self):
        return lit_bracket(self.light, self.source)


def lit_bracket(light, source=""):
    truth = np.tile(np.linspace(0.7, 1.3, 48, dtype=np.float32)[:, None] * np.float32(light), (32, 1, 3))
    white, black = np.full((32, 48, 3), 65535, np.uint16), np.full((32, 48, 3), 6000, np.uint16)
    return KnownBracket(frames=(black, white, white), evs=EVS, reference=1, truth=truth, source=source)


def means(radiance):
    """Block means after the mu-law."""
    picture = mu_law(torch.from_numpy(np.clip(radiance, 0, 1))).permute(2, 0, 1)[None]
    return block_means(picture, CONFIG.prior_stride)[0].numpy()


def test_block_means_are_those_of_the_truth_its_mean_or_the_next_picture(tmp_path):
    flat = write_network(tmp_path / "flat.safetensors", replace(CONFIG, prior="block-means"))  # gives the reference
    # The second is the next one still, but of the same picture: the third is foreign.
    scenes = [LitScene(str(at), light=light, source=source)
              for at, (light, source) in enumerate([(0.45, "a"), (0.3, "a"), (0.75, "b")])]  # fmt: skip
    found = results(flat, SOURCES, scenes[0], scenes)
    truth, other = (means(lit_bracket(light).truth) for light in (0.45, 0.75))
    wanted = {"truth": truth, "constant": np.full_like(truth, truth.mean()), "foreign": other}
    for source, block in wanted.items():
        distances = {name: float(np.abs(means(found[source]) - each).mean()) for name, each in wanted.items()}
        assert distances[source] < 0.01, source
        assert distances[source] < 0.5 * min(distances[name] for name in wanted if name != source)
        assert np.abs(means(found["null"]) - block).mean() > 0.03


def test_the_first_stage_is_told_other_priors_as_it_is_told_the_truth(weights):
    found = results(weights["ground-truth"], TOLD)
    (row,) = find_ablations([weights["ground-truth"]], MERGING)
    assert np.array_equal(row.method.merge("any", SCENES[0].read()).radiance, found["truth"])
    assert not np.array_equal(found["constant"], found["truth"])
    assert not np.array_equal(found["foreign"], found["constant"])


def test_tiles_of_a_told_prior_agree_with_the_whole_frame(weights):
    small, whole = (
        prior_rows(NETWORK, ["truth"], [weights["block-means"]], replace(MERGING, tile=tile), ()).rows[0].method
        for tile in (64, 256)
    )
    bracket = hiding_bracket()
    wide = replace(
        bracket, truth=np.tile(bracket.truth, (3, 4, 1)), frames=tuple(np.tile(f, (3, 4, 1)) for f in bracket.frames)
    )
    assert np.abs(small.merge("", wide).radiance - whole.merge("", wide).radiance).mean() < 0.02


def test_a_foreign_prior_needs_another_picture_of_the_size(weights):
    alone = (SCENES[0], SCENES[2])
    (row,) = prior_rows(NETWORK, ["foreign"], [weights["block-means"]], MERGING, alone).rows
    with pytest.raises(BadInputError, match=r"0-still: no prior is foreign .* 48 x 32 pixels"):
        row.method.merge("0-still", SCENES[0].read())
    (row,) = prior_rows(NETWORK, ["foreign"], [weights["block-means"]], MERGING, SCENES[:2]).rows
    with pytest.raises(UsageError, match="two scenes of each kind"):
        row.method.check()


def test_records_know_the_source_and_the_scene_that_a_foreign_prior_is_of(weights):
    def identities(scenes):
        rows = prior_rows(NETWORK, SOURCES, [weights["block-means"]], MERGING, scenes).rows
        return {row.source: str(row.method.identity("0-still")) for row in rows}

    first = identities(SCENES)
    assert len(set(first.values())) == len(SOURCES)
    changed = identities([replace(each, light=0.3) for each in SCENES])
    assert {source for source in SOURCES if first[source] != changed[source]} == {"foreign"}


def test_what_merge_gives_takes_the_own_prior_and_none_and_says_what_is_left_out(weights):
    found = prior_rows(
        ["lfdiff", "lfdiff:network", "classical"], ["own", "truth", "null"], [weights["block-means"]], MERGING, SCENES
    )
    assert [(row.form, row.source) for row in found.rows] == [
        ("lfdiff", "own"), ("lfdiff", "null"),
        ("lfdiff:network", "own"), ("lfdiff:network", "truth"), ("lfdiff:network", "null"),
    ]  # fmt: skip
    assert [row.method.options.prior for row in found.rows][:2] == [True, False]
    assert len({method.name for method in found.methods}) == 5
    assert found.notes == (
        "lfdiff: what merge gives takes own and null, not truth: those are lfdiff:network's.",
        "Without a prior: classical.",
    )
    for names in (["lfdiff"], ["classical"]):
        with pytest.raises(UsageError, match=f"--prior truth: nothing to compare; .*{names[0]}"):
            prior_rows(names, ["truth"], [weights["block-means"]], MERGING, SCENES)


def test_rows_of_several_weights_bear_their_names(weights, tmp_path):
    other = write_network(tmp_path / "other.safetensors", replace(CONFIG, prior="block-means"))
    found = prior_rows(NETWORK, ["own"], [weights["block-means"], other], MERGING, SCENES)
    assert [row.form for row in found.rows] == ["lfdiff:network block-means", "lfdiff:network other"]


def test_captions_say_what_a_prior_is_of(weights):
    rows = prior_rows(NETWORK, SOURCES, [weights["block-means"]], MERGING, ()).rows
    told = ("own output", "ground truth, swapped", "mean over", "next scene", "left out")
    for row, words in zip(rows, told, strict=True):
        assert words in row.method.sentence


def test_weights_that_are_no_row_of_the_published_table_are_left_out_of_it_on_request(weights):
    found = find_ablations([weights["block-means"], weights["none"]], MERGING, leave_out_others=True)
    assert [each.objective for each in found] == ["baseline"]
