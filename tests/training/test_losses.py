import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from small_vgg import write_vgg

from hdrfuse.errors import WeightsError
from hdrfuse.training.losses import VGG19_LAYERS, PerceptualLoss, ReconstructionLoss


@pytest.fixture
def vgg19(tmp_path):
    path = tmp_path / "vgg.safetensors"
    return path, write_vgg(path)


def test_the_perceptual_loss_compares_features_of_bgr_pictures_after_each_group(vgg19):
    path, tensors = vgg19

    def features(x):
        x = 255 * x[:, [2, 1, 0]] - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
        for level, group in enumerate(VGG19_LAYERS):
            x = F.max_pool2d(x, 2) if level else x
            for name in group:
                x = F.relu(F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=1))
            yield x

    a, b = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    expected = sum((p - q).abs().mean() for p, q in zip(features(a), features(b), strict=True)) / 3
    loss = PerceptualLoss(path)
    torch.testing.assert_close(loss(a, b), expected)
    torch.testing.assert_close(ReconstructionLoss(loss, 0.01)(a, b), (a - b).abs().mean() + 0.01 * expected)


def test_the_squared_error_counts_as_much_as_asked():
    a, b = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    expected = (a - b).abs().mean() + 4 * (a - b).square().mean()
    torch.testing.assert_close(ReconstructionLoss(squared_weight=4.0)(a, b), expected)


def test_the_gradient_reaches_the_picture_and_not_vgg(vgg19):
    loss = PerceptualLoss(vgg19[0])
    picture = torch.rand(1, 3, 8, 8, requires_grad=True)
    loss(picture, torch.rand(1, 3, 8, 8)).backward()
    assert picture.grad.abs().max() > 0
    assert not any(p.requires_grad for p in loss.parameters())


def test_a_file_that_is_not_vgg_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="not VGG19"):
        PerceptualLoss(tmp_path / "a.safetensors")
