"""Gradients through the operators, against differences."""

import numpy as np
import pytest
import torch

from vividlib.geometry.barycentric import weights
from vividlib.geometry.raster import derivatives, interpolate, rasterize, sample, warp

WIDTH, HEIGHT = 24, 18
FACES = np.array([[0, 1, 2], [2, 1, 3], [4, 5, 6]])


def mesh(columns=4):
    """A bent sheet and a triangle before it, none of whose edges comes near a pixel centre."""
    x, y = [2.3, 3.4, 20.7, 19.6, 8.3, 9.4, 15.7], [1.3, 16.7, 2.6, 15.4, 5.3, 12.6, 8.3]
    points = np.column_stack([x, y, [0, 0.1, 0, -0.1, 0.5, 0.5, 0.6], [1, 0.8, 1.3, 1.1, 0.6, 0.7, 0.5]])
    return torch.tensor(points[:, :columns], dtype=torch.float32)


def picture(points, carried, backend):
    """A number that depends on all vertices and attributes through what is seen."""
    fragments = rasterize(points, FACES, WIDTH, HEIGHT, backend=backend)
    values = interpolate(carried, FACES, fragments, backend=backend)
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    return (values * torch.stack([torch.sin(0.5 * x + y), torch.cos(x - 0.3 * y)], -1).to(values.device)).sum()


def differences(function, at, step):
    """Central differences of a function by each number of ``at``."""
    slopes = torch.zeros_like(at)
    for index in np.ndindex(*at.shape):
        low, high = at.clone(), at.clone()
        low[index] -= step
        high[index] += step
        slopes[index] = (function(high) - function(low)) / (2 * step)
    return slopes


def close(found, wanted, atol):
    np.testing.assert_allclose(found.cpu(), wanted.cpu(), atol=atol)


@pytest.mark.parametrize("columns", [3, 4])
def test_vertices_and_attributes(backend, device, columns):
    points = mesh(columns).to(device)
    carried = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 2))).float().to(device)
    points.requires_grad_(), carried.requires_grad_()
    picture(points, carried, backend).backward()
    fixed = points.detach(), carried.detach()
    moved = differences(lambda at: picture(at, fixed[1], backend), fixed[0], 5e-3)
    painted = differences(lambda at: picture(fixed[0], at, backend), fixed[1], 1e-2)
    for column in [*range(2), *range(3, columns)]:  # how deep a vertex lies changes nothing that is seen
        largest = float(moved[:, column].abs().max())
        assert largest > 0.1
        close(points.grad[:, column], moved[:, column], 0.02 * largest)
    assert not points.grad[:, 2].any() and not moved[:, 2].any()
    close(carried.grad, painted, 2e-3)


def test_weights_in_double_precision():
    points = mesh().double()[None].requires_grad_()
    triangle = rasterize(mesh(), FACES, WIDTH, HEIGHT).triangle[None, :9, :9]
    assert torch.autograd.gradcheck(lambda at: weights(at, torch.from_numpy(FACES), triangle), points)


@pytest.mark.parametrize("mip", [False, True])
def test_textures_and_places(backend, device, mip):
    rng = np.random.default_rng(1)
    y, x = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    texture = torch.stack([torch.sin(x / 2.0 + y / 3.0), torch.cos(y / 2.0)], -1).to(device).requires_grad_()
    uv = (
        torch.from_numpy(rng.integers(1, 7, (3, 4, 2)) / 8 + rng.uniform(0.01, 0.05, (3, 4, 2)))
        .float()
        .requires_grad_()
    )
    steps = torch.from_numpy(rng.uniform(0.1, 0.2, (3, 4, 2, 2))).float() if mip else None
    factors = torch.from_numpy(rng.normal(size=(3, 4, 2))).float()

    def seen(texture, uv):
        return (sample(texture, uv, steps, backend=backend) * factors).sum()

    seen(texture, uv).backward()
    fixed = texture.detach(), uv.detach()
    close(texture.grad, differences(lambda at: seen(at, fixed[1]), fixed[0], 1e-2), 1e-3)
    close(uv.grad, differences(lambda at: seen(fixed[0], at), fixed[1], 2e-3), 2e-2)
    assert uv.grad.abs().max() > 1


def test_flows(backend, device):
    image = torch.sin(torch.arange(60.0, device=device).reshape(5, 6, 2) / 7).requires_grad_()
    flow = torch.full((5, 6, 2), 0.3, device=device).requires_grad_()
    (warp(image, flow, backend=backend) ** 2).sum().backward()
    fixed = image.detach(), flow.detach()
    by_flow = differences(lambda at: (warp(fixed[0], at, backend=backend) ** 2).sum(), fixed[1], 1e-2)
    by_image = differences(lambda at: (warp(at, fixed[1], backend=backend) ** 2).sum(), fixed[0], 1e-2)
    close(flow.grad, by_flow, 5e-3)
    close(image.grad, by_image, 5e-3)


def test_a_texture_pulls_a_mesh_into_place():
    """Down the gradient through rasterising, interpolating and a mipmapped texture, vertices return to their places."""
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    texture = torch.stack([torch.sin(x / 4.0), torch.cos(y / 5.0)], -1)
    corners = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [1, 1]], dtype=torch.float32)

    def draw(points):
        fragments = rasterize(points, FACES[:2], WIDTH, HEIGHT)
        uv = interpolate(corners, FACES[:2], fragments)
        return sample(texture, uv, derivatives(corners, FACES[:2], fragments, points, FACES[:2]))

    truth = mesh()
    wanted = draw(truth)
    shift = torch.tensor([0.4, -0.3], requires_grad=True)
    losses = []
    optimiser = torch.optim.Adam([shift], 0.05)
    for _ in range(60):
        optimiser.zero_grad()
        loss = (draw(torch.cat([truth[:, :2] + shift, truth[:, 2:]], 1)) - wanted).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert shift.detach().abs().max() < 0.1
