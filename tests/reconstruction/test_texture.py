"""The texture shows the person, not the light: on rendered heads whose colours are known."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import interpolate, rasterize
from vividlib.reconstruction.colours import to_linear, to_srgb
from vividlib.reconstruction.lighting import shade
from vividlib.reconstruction.texture import check_texture_size, unwrap
from vividlib.types import Camera, Portrait

SKIN = np.array([0.4, 0.26, 0.2])
CAMERA = Camera(1400.0, (250.0, 230.0))
PIXELS = 500
EVEN = np.zeros((9, 3))
EVEN[0] = 3.545
FROM_LEFT = np.zeros((9, 3))
FROM_LEFT[[0, 2, 3]] = np.array([[3.3, 0.6, 1.6]]).T


@pytest.fixture(scope="module")
def photo_of(face):
    """A function: the head in some colours (V 3 linear) and a light, photographed, as a reconstructed face."""

    def photo_of(head, albedo, light, yaw=0.0, background=0):
        rotation = Rotation.from_euler("Y", yaw, degrees=True).as_quat()
        posed = head_to_camera(head.template.astype(float), rotation, np.zeros(3))
        colours = albedo * shade(light, vertex_normals(posed, head.faces))
        fragments = rasterize(np.column_stack(project(CAMERA, posed)), head.faces, PIXELS, PIXELS)
        image = to_srgb(interpolate(colours, head.faces, fragments)).round().astype(np.uint8)
        image[fragments.triangle < 0] = background
        mask = (fragments.triangle >= 0).astype(np.float32)
        return replace(
            face, head=head, portrait=Portrait(image, np.zeros((478, 3)), mask, (150, 150, 200, 250)),
            neutral=head.template, expression=np.zeros(52), remainder=np.zeros_like(head.template),
            gaze=np.zeros((2, 2)), rotation=rotation, translation=np.zeros(3), camera=CAMERA,
        )  # fmt: skip

    return photo_of


def with_photo(face, image, mask):
    return replace(face, portrait=replace(face.portrait, image=image, mask=mask))


def at_vertices(head, texture):
    """Linear colour of the texture at each vertex (V 3)."""
    uv = np.zeros((len(head.template), 2))
    uv[head.faces] = head.uv[head.uv_faces]
    column, row = np.clip(uv * texture.shape[0] - 0.5, 0, texture.shape[0] - 1).round().astype(int).T
    return to_linear(texture[row, column].astype(float))


@pytest.fixture(scope="module")
def skin(head):
    """Vertices of the skin of the face that the front shows well."""
    other = np.concatenate([head.regions[name] for name in ("lips", "eyelids_left", "eyelids_right", "eye_sockets")])
    inner = np.setdiff1d(head.regions["face"], other)
    return inner[vertex_normals(head.template, head.faces)[inner, 2] > 0.6]


@pytest.fixture(scope="module")
def plain(head):
    return np.tile(SKIN, (len(head.template), 1))


@pytest.fixture(scope="module")
def spotted(head, plain):
    """Brows, and a dark spot on each cheek."""
    albedo = plain.copy()
    for landmark in (105, 334, 205, 425):
        centre = head.template[head.landmark_vertices[landmark, 0]]
        albedo[np.linalg.norm(head.template - centre, axis=1) < 0.008] *= 0.3
    return albedo


def test_an_evenly_lit_face_unwraps_unchanged(photo_of, head, skin):
    colour = np.array([170, 130, 110])
    texture = unwrap(photo_of(head, np.tile(to_linear(colour), (len(head.template), 1)), EVEN), 512)
    assert np.abs(to_srgb(at_vertices(head, texture)[skin]) - colour).max() <= 2


def test_colours_come_out_of_a_light_from_the_left(photo_of, head, spotted, skin):
    lit = photo_of(head, spotted, FROM_LEFT)
    shading = shade(FROM_LEFT, vertex_normals(head.template, head.faces))[skin]
    assert shading.max() > 2 * shading.min()
    found = at_vertices(head, unwrap(lit, 512))[skin] / spotted[skin]
    off = found / np.median(found, 0) - 1
    assert np.quantile(np.abs(off), 0.5) < 0.01 and np.quantile(np.abs(off), 0.9) < 0.05
    photo = spotted[skin] * shading
    np.testing.assert_allclose(np.median(at_vertices(head, unwrap(lit, 256))[skin], 0), np.median(photo, 0), rtol=0.2)


def test_left_and_right_cheek_are_closer_than_in_the_photo(photo_of, head, plain, skin):
    before = plain * shade(FROM_LEFT, vertex_normals(head.template, head.faces))
    after = at_vertices(head, unwrap(photo_of(head, plain, FROM_LEFT), 512))
    apart = [np.abs(np.log(colours[skin] / colours[head.mirror[skin]])).mean() for colours in (before, after)]
    assert apart[1] < 0.1 * apart[0]


@pytest.mark.parametrize("yaw", [-40, 40])
def test_the_unseen_side_is_the_seen_one_without_its_light(photo_of, head, spotted, yaw):
    found = at_vertices(head, unwrap(photo_of(head, spotted, FROM_LEFT, yaw), 512))
    side = head.regions["face"][np.sign(head.template[head.regions["face"], 0]) == np.sign(yaw)]
    posed = head_to_camera(head.template, Rotation.from_euler("Y", yaw, degrees=True).as_quat(), np.zeros(3))
    facing = vertex_normals(posed, head.faces)[:, 2]
    unseen = side[(facing[side] < 0.1) & (facing[head.mirror[side]] > 0.6)]
    assert len(unseen) > 30
    ratio = found[unseen] / found[head.mirror[unseen]]
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.1
    all_over = found[head.regions["face"]] / spotted[head.regions["face"]]
    assert all_over.std() / all_over.mean() < 0.3


def test_spots_are_still_there(photo_of, head, spotted, plain, skin):
    found = at_vertices(head, unwrap(photo_of(head, spotted, FROM_LEFT), 512))
    spots = skin[(spotted[skin] < plain[skin]).all(1)]
    assert np.median(found[spots]) < 0.5 * np.median(found[skin])


def test_a_deep_shadow_takes_the_other_cheek(photo_of, head, spotted, skin):
    """Nothing but noise is left of one cheek in the photo."""
    face = photo_of(head, spotted, EVEN)
    cheek = np.abs(head.template[:, 1]) < 0.03
    cheek &= np.isin(np.arange(len(cheek)), skin) & (head.template[:, 0] > 0.025)
    points = project(CAMERA, head.template[cheek])[0]
    image = face.portrait.image.copy()
    (left, top), (right, bottom) = points.min(0).astype(int) - 5, points.max(0).astype(int) + 5
    patch = image[top:bottom, left:right]
    patch[:] = to_srgb(to_linear(patch) * 0.1 * np.random.default_rng(0).uniform(0, 2, (*patch.shape[:2], 1)))
    found = at_vertices(head, unwrap(with_photo(face, image, face.portrait.mask), 512))
    ratio = found[cheek] / found[head.mirror[cheek]]
    assert cheek.sum() > 30 and np.median(np.abs(ratio - 1)) < 0.1


def test_an_ear_under_hair_or_background_is_painted_as_skin(photo_of, head, plain):
    strange = plain.copy()
    strange[head.regions["ears"]] = [0.01, 0.02, 0.05]
    found = at_vertices(head, unwrap(photo_of(head, strange, EVEN), 512))[head.regions["ears"]]
    assert np.abs(np.log(np.median(found, 0) / SKIN)).max() < 0.2


def test_the_light_of_the_face_does_not_change_the_clothes(photo_of, head, plain):
    found = at_vertices(head, unwrap(photo_of(head, plain, FROM_LEFT), 512))
    normals = vertex_normals(head.template, head.faces)
    chest = head.regions["shoulders"]
    chest = chest[(normals[chest, 2] > 0.6) & (head.head_weight[chest] < 0.01) & (head.template[chest, 1] > -0.18)]
    assert len(chest) > 5
    photo = plain * shade(FROM_LEFT, normals)
    assert np.abs(np.log(found[chest] / photo[chest])).mean() < 0.02


def test_the_nose_is_not_painted_on_the_cheek_behind_it(photo_of, head, plain):
    """Not even by a fit that is some pixels off."""
    albedo = plain.copy()
    tip = head.template[head.landmark_vertices[1, 0]]
    nose = (np.linalg.norm(head.template - tip, axis=1) < 0.03) & (head.template[:, 2] > tip[2] - 0.022)
    albedo[nose] = [0.4, 0.02, 0.02]
    face = photo_of(head, albedo, EVEN, 50)
    face = replace(face, camera=Camera(CAMERA.scale, (CAMERA.centre[0] - 3, CAMERA.centre[1])))
    found = at_vertices(head, unwrap(face, 512))
    far = (head.template[:, 0] > 0.02) & (np.abs(head.template[:, 1]) < 0.03)
    far &= np.isin(np.arange(len(far)), head.regions["face"])
    assert far.sum() > 100 and (found[far, 1] / found[far, 0]).min() > 0.5 * SKIN[1] / SKIN[0]


def test_hidden_teeth_have_nearly_their_own_colour_in_even_light(photo_of, head):
    found = at_vertices(head, unwrap(photo_of(head, head.albedo.astype(float), EVEN), 512))
    teeth = head.regions["teeth_upper"]
    front = teeth[head.template[teeth, 2] > np.quantile(head.template[teeth, 2], 0.8)]
    assert 0.75 < np.median(found[front] / head.albedo[front]) < 1.2


def test_the_background_is_not_painted_on_the_head(photo_of, head, plain):
    """Also where the mesh reaches beyond the person."""
    face = photo_of(head, plain, FROM_LEFT, background=(0, 255, 0))
    image, mask = face.portrait.image.copy(), face.portrait.mask.copy()
    image[:, :215], mask[:, :215] = (0, 255, 0), 0
    narrow = with_photo(face, image, mask)
    for shown in (face, narrow):
        red, green = unwrap(shown, 256)[..., :2].reshape(-1, 2).astype(int).T
        assert (green - red).max() < 20


def test_the_scalp_takes_the_colour_of_the_hair_around_the_head(photo_of, head, plain):
    face = photo_of(head, plain, FROM_LEFT)
    hair = np.zeros((PIXELS, PIXELS), bool)
    hair[5:220, 80:420] = face.portrait.mask[5:220, 80:420] == 0
    image, mask = face.portrait.image.copy(), face.portrait.mask.copy()
    image[hair], mask[hair] = (40, 20, 90), 1
    wigged = with_photo(face, image, mask)
    back = head.regions["scalp"][head.template[head.regions["scalp"], 2] < -0.05]
    bald, haired = (to_srgb(at_vertices(head, unwrap(f, 256))[back]) for f in (face, wigged))
    assert (haired[:, 2] > haired[:, 0]).mean() > 0.8 and (bald[:, 0] > bald[:, 2]).all()


def test_the_same_photo_gives_the_same_texture(photo_of, head, spotted):
    face = photo_of(head, spotted, FROM_LEFT, 20)
    assert np.array_equal(unwrap(face, 300), unwrap(face, 300))


@pytest.mark.parametrize("size", [64, 100, 257, 1024])
def test_any_size_shows_the_same_picture(face, size):
    texture = unwrap(face, size)
    assert texture.shape == (size, size, 3) and texture.dtype == np.uint8
    skin = face.head.regions["face"]
    large = at_vertices(face.head, unwrap(face, 512))[skin].mean(0)
    np.testing.assert_allclose(at_vertices(face.head, texture)[skin].mean(0), large, rtol=0.05)


def test_islands_have_no_dark_border(photo_of, head, plain):
    texture = unwrap(photo_of(head, plain, FROM_LEFT), 256)
    square = np.column_stack([head.uv * 256 - 0.5, np.zeros(len(head.uv))])
    ground = rasterize(square, head.uv_faces, 256, 256, cull="none").triangle < 0
    assert ground.any() and texture[ground].min() > 0


def test_memory_is_a_few_times_that_of_the_texture(photo_of, head, spotted):
    face = photo_of(head, spotted, FROM_LEFT)
    unwrap(face, 64)
    tracemalloc.start()
    texture = unwrap(face, 2048)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14 * texture.nbytes


@pytest.mark.parametrize("size", [63, 8193, 0, -1024, 1024.5, 1024.0, "1024", None, float("nan"), True])
def test_bad_sizes_are_refused_with_the_range(size, face):
    for refuse in (check_texture_size, lambda wrong: unwrap(face, wrong)):
        with pytest.raises(InputError, match="64 to 8192"):
            refuse(size)
