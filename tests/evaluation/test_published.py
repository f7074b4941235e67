from hdrfuse.evaluation.published import METRICS, TABLE_1, TABLE_2, TABLE_3, TABLE_4


def test_the_papers_rows_are_complete_and_plausible():
    assert [len(rows) for rows in TABLE_1.values()] == [14, 12]
    for rows in TABLE_1.values():
        for psnr_mu, psnr_l, ssim_mu, ssim_l, vdp in rows.values():
            assert 30 < psnr_mu < 49
            assert 30 < psnr_l < 53
            assert 0.95 < ssim_l < 1
            assert 0.95 < ssim_mu < 1
            assert 55 < vdp < 78
    assert [metric.name for metric in METRICS] == ["PSNR-mu", "PSNR-L", "SSIM-mu", "SSIM-L", "HDR-VDP-2"]


def test_lf_diff_has_the_same_figures_in_every_table():
    ours = TABLE_1["kalantari"]["LF-Diff"]
    assert ours == (44.76, 42.59, 0.9919, 0.9906, 66.54)
    assert TABLE_1["hu"]["LF-Diff"] == (48.74, 52.10, 0.9968, 0.9993, 77.35)
    assert TABLE_2["LF-Diff"] == (7.48, 0.72)
    assert TABLE_3["stage2"][1:] == (7.48, *ours[:2])
    assert TABLE_4[10][:4] == ours[:4]
    assert list(TABLE_3) == ["baseline", "stage1", "split", "direct", "stage2"]
