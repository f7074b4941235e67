"""`hdrfuse batch` by the network; its weights are random, which is all that this test needs."""

import pytest
from small_network import write_network

from hdrfuse.batch.settings import BatchSettings
from hdrfuse.options import MergeOptions

from .brackets import listing, write_bracket


@pytest.mark.slow
def test_batches_by_the_network_make_what_merge_makes_and_notice_other_weights(run, tmp_path):
    weights = write_network(tmp_path / "small.safetensors")
    for name in ("beach", "hill"):
        write_bracket(tmp_path / "shoot" / name)
    by_network = ("--method", "lfdiff", "--weights", weights, "--seed", "5")
    many = ("batch", tmp_path / "shoot", *by_network, "--workers", "1", "--no-report", "--out", tmp_path / "out")
    assert run(*many).code == 0
    (tmp_path / "merged").mkdir()
    for name in ("beach", "hill"):
        assert (
            run("merge", tmp_path / "shoot" / name, *by_network, "--out", tmp_path / "merged" / f"{name}.exr").code == 0
        )
    made, merged = listing(tmp_path / "out"), listing(tmp_path / "merged")
    assert len(merged) == 4
    assert {name: made[name] for name in merged} == merged
    assert "0 merged, 2 done before" in run(*many).out
    settings = BatchSettings(options=MergeOptions(weights=weights))
    before = settings.identity()
    write_network(weights, tile_px=64)
    assert settings.identity() != before
