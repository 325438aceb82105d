"""Stand-ins for nvdiffrast and PyTorch3D, from what their documentation says of operators, conventions and types.

Nothing here is like our own kernels: every pixel is held against every triangle in homogeneous coordinates (Olano and
Greer 1997), in double precision, on the CPU.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import torch

SUBPIXELS = 16  # nvdiffrast finds coverage on such a grid


def _pixels(height, width):
    """Pixel centres (height, width, 1) from -1 to 1, x and y."""
    y, x = torch.meshgrid(torch.arange(height) * 2 + 1.0, torch.arange(width) * 2 + 1.0, indexing="ij")
    return (x.double() / width - 1)[..., None], (y.double() / height - 1)[..., None]


def _edges(corners, x, y):
    """Homogeneous edge functions (height, width, F, 3) of triangles (F 3 4) in clip space."""
    px, py = (corners[..., i] - at[..., None] * corners[..., 3] for i, at in ((0, x), (1, y)))
    ahead, behind = [1, 2, 0], [2, 0, 1]
    return px[..., ahead] * py[..., behind] - py[..., ahead] * px[..., behind]


class RasterizeCudaContext:
    def __init__(self, device=None):
        self.device = device


def rasterize(glctx, pos, tri, resolution, ranges=None, grad_db=True):
    assert isinstance(glctx, RasterizeCudaContext)
    assert pos.is_contiguous() and pos.dtype == torch.float32 and pos.shape[-1] == 4 and len(pos)
    assert tri.is_contiguous() and tri.dtype == torch.int32 and tri.ndim == 2 and tri.shape[1] == 3 and len(tri)
    instanced = pos.ndim == 3
    if not instanced:
        assert ranges.dtype == torch.int32 and ranges.device.type == "cpu" and ranges.shape[1] == 2
    height, width = resolution
    frames = []
    for index in range(len(pos) if instanced else len(ranges)):
        start, count = (0, len(tri)) if instanced else ranges[index].tolist()
        own = tri[start : start + count].long()
        frames.append(_nvdiffrast_frame((pos[index] if instanced else pos)[own].double(), start, height, width))
    seen = torch.stack(frames).float()
    return seen, torch.zeros_like(seen)


def _nvdiffrast_frame(corners, start, height, width):
    if not len(corners):
        return torch.zeros(height, width, 4, dtype=torch.float64)
    x, y = _pixels(height, width)
    grid = torch.tensor([width, height]) * (SUBPIXELS / 2)
    snapped = torch.ones_like(corners)  # in whole numbers, so that these areas are exact
    snapped[..., :2] = (corners.detach()[..., :2] / corners.detach()[..., 3:] * grid).round()
    aside = 1e-3  # the same for all triangles: no centre lies on an edge, and each belongs to one of two neighbours
    coverage = _edges(snapped, (x * grid[0]).round() + aside, (y * grid[1]).round() + aside / 3)
    area = coverage.sum(-1)
    inside = ((coverage * area.sign()[..., None] >= 0).all(-1)) & (area != 0)
    exact = _edges(corners, x, y)
    weights = exact / exact.sum(-1, keepdim=True)
    near = (coverage * corners[..., 2] / corners[..., 3]).sum(-1) / area  # which decides, and what is told of it:
    z = ((exact * corners[..., 2]).sum(-1) / (exact * corners[..., 3]).sum(-1)).clamp(-1, 1)
    nearest, found = torch.where(inside & (near.abs() <= 1), near, torch.inf).min(-1)
    z = z.gather(2, found[..., None])
    uv = weights.gather(2, found[..., None, None].expand(-1, -1, 1, 3))[..., 0, :2].clamp(0, 1)
    number = (found + start + 1).double()[..., None]
    values = torch.cat([uv, z.detach(), number], -1)
    return torch.where(nearest.isfinite()[..., None], values, 0)


def interpolate(attr, rast, tri, rast_db=None, diff_attrs=None):
    assert attr.is_contiguous() and rast.is_contiguous() and tri.is_contiguous()
    assert attr.dtype == rast.dtype == torch.float32 and tri.dtype == torch.int32
    assert attr.ndim == 3 and len(attr) in (1, len(rast))
    covered = rast[..., 3] > 0
    corners = attr.expand(len(rast), -1, -1)[
        torch.arange(len(rast))[:, None, None, None], tri[(rast[..., 3].long() - 1).clamp(min=0)].long()
    ]
    u, v = rast[..., 0:1], rast[..., 1:2]
    values = u * corners[..., 0, :] + v * corners[..., 1, :] + (1 - u - v) * corners[..., 2, :]
    return torch.where(covered[..., None], values, 0), torch.zeros(*rast.shape[:3], 0)


def texture(tex, uv, uv_da=None, filter_mode="auto", boundary_mode="wrap", max_mip_level=None):
    assert tex.is_contiguous() and uv.is_contiguous() and tex.dtype == uv.dtype == torch.float32
    assert tex.ndim == uv.ndim == 4 and boundary_mode == "clamp" and len(tex) in (1, len(uv))
    tex = tex.expand(len(uv), -1, -1, -1).movedim(-1, 1)
    if uv_da is None:
        assert filter_mode in ("auto", "linear")
        return _look(tex, uv)
    assert uv_da.is_contiguous() and uv_da.shape == (*uv.shape[:3], 4)
    jacobian = uv_da.unflatten(-1, (2, 2)) * torch.tensor([tex.shape[3], tex.shape[2]])[:, None]
    level = torch.linalg.svdvals(jacobian)[..., 0].clamp(min=1e-12).log2().clamp(0, max_mip_level)
    levels = [tex]
    for _ in range(max_mip_level):
        sides = levels[-1].shape[2:]
        assert all(side == 1 or side % 2 == 0 for side in sides), "buffer size for mip level is not divisible by two"
        levels.append(torch.nn.functional.avg_pool2d(levels[-1], [min(side, 2) for side in sides]))
    looks = torch.stack([_look(each, uv) for each in levels])
    low = level.floor().long()
    pair = [
        looks.gather(0, i[None, ..., None].expand(1, *looks.shape[1:]))[0]
        for i in (low, (low + 1).clamp(max=max_mip_level))
    ]
    return torch.lerp(*pair, (level - low)[..., None])


def _look(tex, uv):
    grid = uv * 2 - 1
    return torch.nn.functional.grid_sample(tex, grid, padding_mode="border", align_corners=False).movedim(1, -1)


def antialias(color, rast, pos, tri, topology_hash=None, pos_gradient_boost=1.0):
    """Only what goes in is checked: the depth of what is seen has to be that of the points."""
    assert color.is_contiguous() and rast.is_contiguous() and pos.is_contiguous() and tri.is_contiguous()
    assert color.dtype == rast.dtype == pos.dtype == torch.float32 and tri.dtype == torch.int32
    again, _ = rasterize(RasterizeCudaContext(), pos, tri, tuple(rast.shape[1:3]))
    torch.testing.assert_close(again, rast, atol=1e-4, rtol=0)
    return color * 1


class Meshes:
    def __init__(self, verts, faces):
        assert verts.ndim == faces.ndim == 3 and len(verts) == len(faces) and faces.dtype == torch.int64
        self.verts, self.faces = verts, faces


def rasterize_meshes(
    meshes,
    image_size=256,
    blur_radius=0.0,
    faces_per_pixel=8,
    bin_size=None,
    perspective_correct=False,
    cull_backfaces=False,
):
    assert blur_radius == 0 and faces_per_pixel == 1 and not perspective_correct
    height, width = image_size
    x, y = _pixels(height, width)
    side = min(height, width)
    x, y = -x * (width / side), -y * (height / side)  # to the left and upwards
    results = []
    for index, (verts, faces) in enumerate(zip(meshes.verts, meshes.faces)):
        corners = verts[faces].double()
        depth, flat = corners[..., 2], torch.cat([corners[..., :2], corners[..., 2:] * 0, corners[..., :1] * 0 + 1], -1)
        areas = _edges(flat, x, y)
        total = areas.sum(-1)
        shown = total.abs() > 1e-8
        if cull_backfaces:  # counter-clockwise for the viewer, whose x runs the other way
            shown &= total < 0
        weights = areas / total[..., None]
        z = (weights * depth).sum(-1)
        z = torch.where(shown & (weights > 0).all(-1) & (z >= 0), z, torch.inf)
        nearest, found = z.min(-1)
        seen = nearest.isfinite()
        own = weights.gather(2, found[..., None, None].expand(-1, -1, 1, 3))[..., 0, :]
        results.append(
            (
                torch.where(seen, found + index * len(faces), -1),
                torch.where(seen, nearest, -1).float(),
                torch.where(seen[..., None], own, -1).float(),
            )
        )
    found, depth, weights = (torch.stack(parts)[:, :, :, None] for parts in zip(*results))
    return found, depth, weights, torch.zeros_like(depth)


def install(monkeypatch, name: str) -> None:
    """Put a stand-in where ``name`` would be imported from."""
    contents = {
        "nvdiffrast": {"torch": [RasterizeCudaContext, rasterize, interpolate, texture, antialias]},
        "pytorch3d": {"structures": [Meshes], "renderer.mesh.rasterize_meshes": [rasterize_meshes]},
    }[name]
    for path, objects in contents.items():
        parts = [name, *path.split(".")]
        for count in range(1, len(parts) + 1):
            full = ".".join(parts[:count])
            if full not in sys.modules:
                module = ModuleType(full)
                module.__spec__, module.__path__ = ModuleSpec(full, None), []
                monkeypatch.setitem(sys.modules, full, module)
        for each in objects:
            setattr(sys.modules[".".join(parts)], each.__name__, each)
    for count in range(1, len(parts)):
        setattr(sys.modules[".".join(parts[:count])], parts[count], sys.modules[".".join(parts[: count + 1])])
