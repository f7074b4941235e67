import math

import pytest
import torch

from hdrfuse.lfdiff.layers import (
    ChannelAttention,
    GatedFeedForward,
    LayerNorm,
    ResidualBlock,
    RestormerBlock,
    RunningNorm,
    TransposedAttention,
    average_pool,
    cosine_scores,
    upsample_to,
)


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (9, 4)])
def test_pooling_averages_what_an_overhanging_window_has(size):
    x = torch.rand(1, 2, *size)
    pooled = average_pool(x, 4)
    for row in range(pooled.shape[2]):
        for column in range(pooled.shape[3]):
            window = x[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            torch.testing.assert_close(pooled[:, :, row, column], window.mean((2, 3)))
    assert upsample_to(pooled, x).shape == x.shape


def test_cosine_scores_are_the_products_of_normalised_rows():
    a, b = torch.randn(2, 4, 50), torch.randn(2, 3, 50)
    expected = torch.stack(
        [
            torch.stack([torch.stack([torch.dot(r, s) / (r.norm() * s.norm()) for s in b_rows]) for r in a_rows])
            for a_rows, b_rows in zip(a, b, strict=True)
        ]
    )
    torch.testing.assert_close(cosine_scores(a, b), expected)


def test_cosine_scores_of_nothing_are_zero_not_nan():
    assert cosine_scores(torch.zeros(1, 2, 9), torch.ones(1, 2, 9)).abs().max() == 0


def test_the_layer_norm_normalises_each_pixel():
    norm = LayerNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 6, 3, 5)
    mean, variance = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
    expected = (x - mean) / torch.sqrt(variance + 1e-5) * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize("size", [(8, 8), (5, 7)])
def test_transposed_attention_mixes_channels_by_their_cosines(size):
    attention = TransposedAttention(8, heads=2)
    torch.nn.init.uniform_(attention.temperature, 0.5, 2)
    x = torch.randn(1, 8, *size)
    q, k, v = attention.to_qkv(x)[0].flatten(1).split(8)
    rows = []
    for head in range(2):
        for i in range(4 * head, 4 * head + 4):
            cosines = [torch.dot(q[i], k[j]) / (q[i].norm() * k[j].norm()) for j in range(4 * head, 4 * head + 4)]
            weights = torch.softmax(torch.stack(cosines) * attention.temperature[head, 0, 0], 0)
            rows.append(sum(w * v[4 * head + j] for j, w in enumerate(weights)))
    expected = attention.to_out(torch.stack(rows).reshape(1, 8, *size))
    torch.testing.assert_close(attention(x), expected, atol=1e-5, rtol=1e-4)


def test_transposed_attention_reads_the_same_from_either_memory_layout():
    attention, x = TransposedAttention(8, heads=2), torch.randn(2, 8, 6, 5)
    torch.testing.assert_close(attention(x), attention(x.contiguous(memory_format=torch.channels_last)))


def test_the_feed_forward_gates_one_half_by_the_gelu_of_the_other():
    feed_forward = GatedFeedForward(6, expansion=2.66)
    hidden = int(6 * 2.66)
    x = torch.randn(1, 6, 5, 4)
    gate, value = feed_forward.expand(x).split(hidden, 1)
    gelu = 0.5 * gate * (1 + torch.erf(gate / math.sqrt(2)))
    torch.testing.assert_close(feed_forward(x), feed_forward.project(gelu * value))


def test_a_restormer_block_without_output_weights_is_the_identity():
    block, x = RestormerBlock(8, 2, 2.0), torch.randn(1, 8, 5, 5)
    torch.nn.init.zeros_(block.attention.to_out.weight)
    torch.nn.init.zeros_(block.feed_forward.feed_forward.project.weight)
    torch.testing.assert_close(block(x), x)


def test_channel_attention_scales_each_channel_by_one_number():
    attention, x = ChannelAttention(32), torch.rand(1, 32, 5, 6) + 0.1
    gains = attention(x) / x
    torch.testing.assert_close(gains, gains[:, :, :1, :1].expand_as(gains))
    assert ((gains > 0) & (gains < 1)).all()


def test_a_residual_block_adds_to_its_input():
    block, x = ResidualBlock(4), torch.randn(1, 4, 5, 5)
    first, _, second = block.body
    torch.testing.assert_close(block(x), x + second(first(x).clamp_min(0)))


def test_a_residual_block_with_learned_slopes_learns_also_from_what_is_below_zero():
    block, x = ResidualBlock(4, width=3, learned_slopes=True), torch.randn(1, 4, 5, 5)
    first, rectifier, second = block.body
    rectifier.weight.data = torch.tensor([0.5, 0.0, -0.1])
    hidden = first(x)
    expected = hidden.clamp_min(0) + torch.tensor([0.5, 0.0, -0.1])[:, None, None] * hidden.clamp_max(0)
    torch.testing.assert_close(block(x), x + second(expected))
    torch.nn.init.constant_(first.bias, -100.0)  # nothing is above zero
    block(x).sum().backward()
    assert rectifier.weight.grad.all()
    assert first.weight.grad[0].any()


def test_the_running_norm_settles_on_zero_mean_and_unit_variance_and_then_stays_put():
    norm = RunningNorm(2)
    torch.manual_seed(0)
    for _ in range(200):
        norm(torch.randn(4, 2, 16, 16) * torch.tensor([300.0, 0.5])[:, None, None] + 70)
    norm.eval()
    x = torch.randn(4, 2, 16, 16) * torch.tensor([300.0, 0.5])[:, None, None] + 70
    normalised = norm(x)
    assert normalised.mean((0, 2, 3)).abs().max() < 0.2
    torch.testing.assert_close(normalised.std((0, 2, 3)), torch.ones(2), atol=0.1, rtol=0)
    torch.testing.assert_close(norm(x[:1]), normalised[:1])
