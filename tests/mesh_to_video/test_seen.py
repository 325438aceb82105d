"""What a photo shows of a head, and what of that can be trusted, where both are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.raster import rasterize
from vividlib.mesh_to_video.layers import Layers
from vividlib.mesh_to_video.seen import SHEET, STEEPEST, WIDER, Seen, cover, hidden_ears, see, trust
from vividlib.reconstruction.colours import parts
from vividlib.types import Camera

SIZE = 60.0
SKIN = 0


def disc(radius, side=160):
    rows, columns = np.mgrid[:side, :side]
    return (columns - 80) ** 2 + (rows - 80) ** 2 < radius**2


def looked_at(head, degrees):
    """The template from the front or turned: fragments, matte and the vertices' rows and columns."""
    rotation = Rotation.from_euler("Y", degrees, degrees=True).as_quat()
    camera = Camera(600.0, (128.0, 128.0))
    pixels, depth = project(camera, head_to_camera(head.template, rotation, np.zeros(3)))
    fragments = rasterize(np.column_stack([pixels, depth]), head.faces, 256, 256)
    place = pixels.round().astype(int).clip(0, 255)
    return fragments, (place[:, 1], place[:, 0])


@pytest.mark.parametrize("degrees, hidden", [(0, ()), (45, (1,)), (-45, (-1,))])
def test_an_ear_on_the_far_side_is_hidden(head, degrees, hidden):
    fragments, _ = looked_at(head, degrees)
    found = hidden_ears(head, fragments)
    ears = head.regions["ears"]
    for side in (-1, 1):
        ear = ears[np.sign(head.template[ears, 0]) == side]
        assert found[ear].all() if side in hidden else not found[ear].any()
    assert not np.delete(found, ears).any()


@pytest.mark.filterwarnings("error")
def test_a_head_without_ears_hides_none(head):
    fragments, _ = looked_at(head, 0)
    earless = replace(head, regions=head.regions | {"ears": np.empty(0, np.int32)})
    assert not hidden_ears(earless, fragments).any()


def test_a_mesh_that_fits_is_all_the_persons_and_a_wider_one_is_not(head):
    fragments, place = looked_at(head, 30)
    size = np.ptp(place[0])
    mesh = (fragments.triangle >= 0).astype(np.uint8) * 255
    assert cover(head, head.template, fragments, mesh, place, size).min() > 0.99
    # The person ends 10 px before the mesh does on the side that is turned away.
    narrower = mesh.copy()
    columns = np.flatnonzero(mesh.any(0))
    far = columns.max() if place[1][head.regions["face"]].mean() > place[1].mean() else columns.min()
    narrower[:, min(far, far - 12) : max(far, far + 12) + 1] = 0
    share = cover(head, head.template, fragments, narrower, place, size)
    beyond = np.abs(place[1] - far) < 6
    assert share[beyond].mean() < 0.3
    assert share[head.regions["lips"]].min() > 0.99
    assert (share[head.regions["teeth_upper"]] == 1).all()


def seen(head, depth):
    part = np.where(head, SKIN, SHEET)
    return Seen(1, part, depth.astype(np.float32), np.zeros(head.shape, np.float32))


def pictures(head, background):
    """A bright head of 30 px before a background, hair being the background's own colour up to 50 px."""
    photo = np.where(head[..., None], np.uint8(230), background[..., None].repeat(3, -1)).astype(np.uint8)
    matte = np.where(disc(50), np.uint8(255), np.uint8(0))
    return Layers(photo, matte, np.where(disc(53)[..., None], np.uint8(90), photo))


def test_single_hairs_are_trusted_before_a_quiet_background_only():
    head = disc(30)
    depth = np.where(head, 0.0, -0.5)
    quiet = np.full((160, 160), 90, np.uint8)
    lively = np.random.default_rng(0).choice(np.uint8([0, 255]), (160, 160))
    beside = disc(56) & ~disc(54)
    for background, low, high in ((quiet, 0.95, 1), (lively, 0, 0.05)):
        known = trust(seen(head, depth), pictures(head, background), SIZE)
        assert low <= known[beside].min() and known[beside].max() <= high
        assert known[disc(25)].min() == 1


def test_a_neck_right_under_the_jaw_gives_way():
    head = disc(60)
    depth = np.where(np.arange(160)[:, None] < 80, 0.0, -0.06) * np.ones((160, 160))
    quiet = np.full((160, 160), 90, np.uint8)
    known = trust(seen(head, depth), pictures(head, quiet), 300.0)
    assert known[81, 60:100].max() == 0 and known[78, 60:100].min() == 1
    assert known[90, 60:100].min() == 1


@pytest.mark.parametrize("fine", [1, 2])
def test_depth_is_uncertain_by_as_much_as_it_falls_from_pixel_to_pixel(fine):
    """A slope over the left half, a cliff to the floor on its right, nothing beyond."""
    points = np.float32([[-1, -1, 0], [20, -1, 0.021], [20, 40, 0.021], [-1, 40, 0]])
    found = see(points, np.array([[0, 2, 1], [0, 3, 2]]), np.array([3, 3, SHEET]), 40, 30, fine)
    inside, outside = np.s_[5 * fine : 25 * fine, 5 * fine : 15 * fine], np.s_[:, 21 * fine :]
    assert found.part.shape == (30 * fine, 40 * fine)
    assert (found.part[inside] == 3).all() and (found.part[outside] == SHEET).all()
    np.testing.assert_allclose(found.slack[inside], 0.002 / fine, rtol=0.01)
    np.testing.assert_allclose(found.depth[outside], found.depth[:, : 20 * fine].min())
    assert np.isclose(found.slack.max(), STEEPEST)


def test_of_eyes_and_teeth_no_matte_takes_anything(head):
    fragments, place = looked_at(head, 0)
    nobody = np.zeros((256, 256), np.uint8)
    share = cover(head, head.template, fragments, nobody, place, SIZE)
    own = parts(head) == SKIN
    assert (share[own] == 0).all() and (share[~own] == 1).all()
    thin = nobody.copy()
    thin[:, ::7] = 255  # no pixel is farther from the person than WIDER allows
    assert (cover(head, head.template, fragments, thin, place, 5 / WIDER) == 1).all()
