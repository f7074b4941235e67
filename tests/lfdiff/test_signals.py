import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.lfdiff.signals import inverse_mu_law, mu_law, network_inputs, reference_radiance


def test_the_mu_law_keeps_black_and_white():
    assert mu_law(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0.0, 1.0])


@given(st.floats(0, 1))
def test_the_inverse_mu_law_undoes_the_mu_law(radiance):
    there = mu_law(torch.tensor(radiance, dtype=torch.float64))
    assert float(there) == pytest.approx(math.log(1 + 5000 * radiance) / math.log(5001), abs=1e-9)
    assert float(inverse_mu_law(there)) == pytest.approx(radiance, abs=1e-9)


def test_a_frame_enters_as_its_code_values_then_its_radiance():
    ldr = torch.rand(2, 3, 3, 5, 7)
    exposure = torch.tensor([[1.0, 4.0, 16.0], [1.0, 2.0, 8.0]])
    frames = network_inputs(ldr, exposure)
    assert frames.shape == (2, 3, 6, 5, 7)
    torch.testing.assert_close(frames[1, 2, :3], ldr[1, 2])
    torch.testing.assert_close(frames[1, 2, 3:], ldr[1, 2] ** 2.2 / 8)
    torch.testing.assert_close(reference_radiance(frames)[0], ldr[0, 1] ** 2.2 / 4)
