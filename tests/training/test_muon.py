import copy

import torch
from torch import nn

from hdrfuse.training.muon import Muon, is_hidden_matrix, orthogonal


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3, groups=4))


def optimizer_of(net, **options):
    named = list(net.named_parameters())
    groups = [
        {"params": [p for n, p in named if is_hidden_matrix(n, p) == hidden], "orthogonal": hidden}
        for hidden in (True, False)
    ]
    return Muon(groups, betas=(0.9, 0.99), weight_decay=0.1, **options)


def descend(net, optimizer, steps):
    for step in range(steps):
        torch.manual_seed(step)
        optimizer.zero_grad(set_to_none=False)
        net(torch.randn(2, 3, 9, 9)).square().mean().backward()
        optimizer.step()


def test_orthogonal_matrices_keep_their_directions_and_lose_their_scales():
    torch.manual_seed(1)
    for shape in ((6, 20), (20, 6), (8, 8)):
        matrix = torch.randn(shape)
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        found = u.T @ orthogonal(matrix) @ v.T
        assert ((found.diagonal() > 0.5) & (found.diagonal() < 1.3)).all()
        assert (found - found.diagonal().diag()).abs().max() < 1e-3


def test_a_hidden_matrix_mixes_channels():
    names = {name for name, parameter in network().named_parameters() if is_hidden_matrix(name, parameter)}
    assert names == {"0.weight", "2.weight"}
    assert not is_hidden_matrix("reconstruction.last.weight", nn.Parameter(torch.ones(4, 4, 3, 3)))


def test_a_first_step_is_the_orthogonalised_gradient_at_adams_size():
    net = network()
    optimizer = optimizer_of(net)
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = 0.01, 0.0
    before = net[0].weight.detach().clone()
    net(torch.ones(1, 3, 9, 9)).sum().backward()
    gradient = net[0].weight.grad.clone()
    optimizer.step()
    expected = -0.01 * 0.2 * 27**0.5 * orthogonal(gradient.flatten(1)).view_as(before)
    torch.testing.assert_close(net[0].weight.detach() - before, expected, atol=1e-5, rtol=1e-3)


def test_everything_else_is_moved_by_adamw():
    net = network()
    twin = copy.deepcopy(net)
    descend(net, optimizer_of(net), 1)
    rest = [parameter for name, parameter in twin.named_parameters() if not is_hidden_matrix(name, parameter)]
    descend(twin, torch.optim.AdamW(rest, betas=(0.9, 0.99), weight_decay=0.1), 1)
    torch.testing.assert_close(net[3].weight, twin[3].weight)
    torch.testing.assert_close(net[0].bias, twin[0].bias)


def test_a_saved_state_goes_on_as_if_nothing_had_happened():
    net = network()
    optimizer = optimizer_of(net)
    descend(net, optimizer, 3)
    twin = copy.deepcopy(net)
    other = optimizer_of(twin)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    descend(net, optimizer, 2)
    descend(twin, other, 2)
    for one, two in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(one, two)
