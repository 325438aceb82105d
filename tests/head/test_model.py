"""The default head: what its shapes do, how its parts lie, and how it is deformed."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import HeadError
from vividlib.geometry.raster import rasterize
from vividlib.head import model
from vividlib.head.lips import spread

SIDES = ("left", "right")


def shapes(**amounts) -> np.ndarray:
    coefficients = np.zeros(52, np.float32)
    for name, amount in amounts.items():
        coefficients[ARKIT_INDEX[name]] = amount
    return coefficients


@pytest.fixture(scope="module")
def people(head) -> np.ndarray:
    """Twenty random people, (20, V, 3)."""
    coefficients = np.random.default_rng(5).normal(0, 1, (20, len(head.identity_basis))).astype(np.float32)
    return head.template + np.tensordot(coefficients, head.identity_basis, 1)


def test_the_mirror_map_is_an_involution_and_the_template_symmetric(head):
    assert (head.mirror[head.mirror] == np.arange(len(head.template))).all()
    assert np.abs(head.template[head.mirror] * [-1, 1, 1] - head.template).max() < 1e-4


@pytest.mark.parametrize("name", [name for name in ARKIT if name.endswith("Left")])
def test_left_and_right_shapes_mirror_each_other(head, name):
    left, right = (head.blendshapes[ARKIT_INDEX[name[:-4] + side]] for side in ("Left", "Right"))
    assert np.abs(left).max() > 1e-3
    assert np.abs(right[head.mirror] * [-1, 1, 1] - left).max() < 1e-5


def test_what_people_differ_by_is_the_same_on_both_sides_or_opposite(head):
    flipped = head.identity_basis[:, head.mirror] * [-1, 1, 1]
    off = [np.abs(flipped - sign * head.identity_basis).max((1, 2)) for sign in (1, -1)]
    assert np.min(off, 0).max() < 1e-5
    assert 5 < (np.argmin(off, 0) == 1).sum() < 40


def test_every_shape_moves_something_by_millimetres_not_more_than_a_hand(head):
    reach = np.linalg.norm(head.blendshapes, axis=2).max(1)
    assert (reach > 1e-3).all() and (reach < 0.05).all()


def test_no_shape_moves_the_shoulders_by_more_than_a_millimetre(head):
    assert np.abs(head.blendshapes[:, head.regions["shoulders"]]).max() < 1e-3


def test_lower_teeth_and_tongue_follow_the_jaw_and_the_upper_teeth_stay(head):
    for name, axis, sign in (("jawOpen", 1, -1), ("jawLeft", 0, 1), ("jawRight", 0, -1), ("jawForward", 2, 1)):
        shape = head.blendshapes[ARKIT_INDEX[name]]
        for part in ("teeth_lower", "tongue"):
            assert (sign * shape[head.regions[part], axis]).max() > 0.005, (name, part)
        assert np.abs(shape[head.regions["teeth_upper"]]).max() < 1e-4


def test_the_mouth_opens_with_the_jaw_and_mouth_close_closes_it(head):
    ring = head.regions["lips_inner"]
    opened = model.deform(head, head.template, shapes(jawOpen=1))[ring, 1]
    closed = model.deform(head, head.template, shapes(jawOpen=1, mouthClose=1))[ring, 1]
    assert opened[0] - opened[19] > 0.02
    assert abs(closed[0] - closed[19]) < 0.003


def lip_gap(vertices: np.ndarray, ring: np.ndarray) -> float:
    """The widest opening between the lips, metres; below zero they overlap."""
    upper, lower = np.concatenate([ring[27:], ring[:12]]), ring[12:27][::-1]
    x = np.maximum.accumulate(vertices[lower, 0])
    return float((vertices[upper, 1] - np.interp(vertices[upper, 0], x, vertices[lower, 1])).max())


def test_the_lips_of_everybody_meet_at_rest(head, people):
    gaps = [lip_gap(person, head.regions["lips_inner"]) for person in (head.template, *people)]
    assert max(gaps) < 2e-4
    opened = model.deform(head, head.template, shapes(jawOpen=0.2))
    assert lip_gap(opened, head.regions["lips_inner"]) > 1e-3


@pytest.mark.parametrize("side", SIDES)
def test_a_blink_closes_the_eyes_of_everybody(head, people, side):
    edge = head.regions[f"eyelid_edge_{side}"]
    for person in (head.template, *people):
        closed = model.deform(head, person, shapes(**{f"eyeBlink{side.title()}": 1}))[edge, 1]
        assert person[edge[0], 1] - person[edge[15], 1] > 0.002
        assert closed[0] <= closed[15]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("amount", [0, 0.25, 0.5, 0.75, 1])
def test_the_lids_never_enter_the_eyeball(head, side, amount):
    blink = model.deform(head, head.template, shapes(**{f"eyeBlink{side.title()}": amount}))
    centre = model.joint(head, head.template, f"eye_{side}")
    radius = np.linalg.norm(head.template[head.regions[f"eyeball_{side}"]] - centre, axis=1).max()
    distance = np.linalg.norm(blink[head.regions[f"eyelids_{side}"]] - centre, axis=1)
    assert distance.min() > radius


@pytest.mark.parametrize("side", SIDES)
def test_eyeballs_are_round_on_everybody(head, people, side):
    ball = people[:, head.regions[f"eyeball_{side}"]]
    distance = np.linalg.norm(ball - model.joint(head, people, f"eye_{side}")[:, None], axis=2)
    assert np.ptp(distance, axis=1).max() < 2e-4
    assert 0.010 < distance.min() and distance.max() < 0.019


def test_the_closed_lids_hide_the_eyeballs_and_the_open_ones_do_not(head, people):
    eyeballs = np.concatenate([head.regions[f"eyeball_{side}"] for side in SIDES])
    of_eyeball = np.isin(head.faces, eyeballs).all(1)

    def visible(amount, person=head.template):
        vertices = model.deform(head, person, shapes(eyeBlinkLeft=amount, eyeBlinkRight=amount))
        points = vertices * [2000, -2000, 1] + [256, 320, 0]
        triangle = rasterize(points, head.faces, 512, 512).triangle
        return int(of_eyeball[triangle[triangle >= 0]].sum())

    open_eyes = visible(0)
    assert open_eyes > 500
    assert 0.25 * open_eyes < visible(0.5) < 0.75 * open_eyes
    assert visible(1) == 0
    assert all(visible(1, person) == 0 for person in people[:6])


def test_the_closed_mouth_hides_teeth_and_tongue(head):
    inside = np.concatenate([head.regions[name] for name in ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")])
    hidden = np.isin(head.faces, inside).all(1)
    points = head.template * [3000, -3000, 1] + [256, 180, 0]
    triangle = rasterize(points, head.faces, 512, 512).triangle
    assert hidden[triangle[triangle >= 0]].sum() == 0


def test_zero_coefficients_are_the_neutral_face_exactly(head, people):
    assert (model.deform(head, people[0], np.zeros(52)) == people[0]).all()
    assert (model.deform(head, people[0], np.zeros((3, 52))) == people[0]).all()


def test_a_batch_is_its_frames(head):
    random = np.random.default_rng(0)
    coefficients = random.uniform(0, 1, (4, 52)).astype(np.float32)
    gaze = random.normal(0, 0.2, (4, 2, 2))
    offsets = random.normal(0, 1e-3, (4, 40, 3)).astype(np.float32)
    batch = model.deform(head, head.template, coefficients, gaze, offsets)
    for index, frame in enumerate(batch):
        single = model.deform(head, head.template, coefficients[index], gaze[index], offsets[index])
        np.testing.assert_allclose(frame, single, atol=1e-6)


def test_gaze_straight_ahead_is_no_gaze(head):
    still = model.deform(head, head.template, np.zeros(52))
    np.testing.assert_allclose(model.deform(head, head.template, np.zeros(52), np.zeros((2, 2))), still, atol=1e-7)


@pytest.mark.parametrize("eye, side", list(enumerate(SIDES)))
def test_gaze_turns_one_eye_to_the_persons_left_and_up(head, eye, side):
    gaze = np.zeros((2, 2))
    gaze[eye] = 0.3, 0.2
    moved = model.deform(head, head.template, np.zeros(52), gaze) - head.template
    pole = head.regions[f"eyeball_{side}"][0]
    assert moved[pole, 0] > 0.003 and moved[pole, 1] > 0.002
    others = np.setdiff1d(np.arange(len(moved)), head.regions[f"eyeball_{side}"])
    assert (moved[others] == 0).all()


@pytest.mark.parametrize("eye, side", list(enumerate(SIDES)))
@pytest.mark.parametrize("way, turn", [("Out", (1, 0)), ("In", (-1, 0)), ("Up", (0, 1)), ("Down", (0, -1))])
def test_eye_look_at_one_is_thirty_degrees_of_gaze(head, eye, side, way, turn):
    sign = 1 if side == "left" else -1
    gaze = np.zeros((2, 2))
    gaze[eye] = np.radians(30) * np.array([sign * turn[0], turn[1]])
    ball = head.regions[f"eyeball_{side}"]
    by_shape = model.deform(head, head.template, shapes(**{f"eyeLook{way}{side.title()}": 1}))[ball]
    by_gaze = model.deform(head, head.template, np.zeros(52), gaze)[ball]
    np.testing.assert_allclose(by_shape, by_gaze, atol=1e-5)


def test_lip_offsets_move_the_lips_and_nothing_else(head):
    offsets = np.full((40, 3), 0.001, np.float32)
    moved = model.deform(head, head.template, np.zeros(52), lip_offsets=offsets) - head.template
    np.testing.assert_allclose(moved[head.lips], spread(offsets, head), atol=1e-7)
    assert np.median(moved[head.lips]) > 0.0005
    assert (np.delete(moved, head.lips, axis=0) == 0).all()


def test_shapes_that_do_not_fit_are_refused(head):
    for arguments in ((head.template[:-1], np.zeros(52)), (head.template, np.zeros(51))):
        with pytest.raises(HeadError, match="shape"):
            model.deform(head, *arguments)
    with pytest.raises(HeadError, match="gaze"):
        model.deform(head, head.template, np.zeros((2, 52)), np.zeros((2, 2)))


def test_unknown_joints_and_broken_files_are_refused(head, tmp_path):
    with pytest.raises(HeadError, match="eye_left"):
        model.joint(head, head.template, "knee")
    (tmp_path / "noise.npz").write_bytes(b"noise")
    with pytest.raises(HeadError, match="damaged or no .npz"):
        model.load(tmp_path / "noise.npz")


def test_a_saved_head_comes_back(head, tmp_path):
    model.save(head, tmp_path / "head.npz")
    again = model.load(tmp_path / "head.npz")
    assert again.name == head.name and again.regions.keys() == head.regions.keys()
    assert np.abs(again.identity_basis - head.identity_basis).max() <= model.BASIS_STEP
    assert (again.template == head.template).all() and (again.lips == head.lips).all()


def test_joints_are_where_they_should_be(head):
    left, right = (model.joint(head, head.template, f"eye_{side}") for side in SIDES)
    assert 0.05 < left[0] - right[0] < 0.07
    assert abs(model.joint(head, head.template, "neck")[0]) < 1e-4
    assert model.joint(head, head.template, "neck")[1] < -0.05
    assert left[1] > model.joint(head, head.template, "jaw")[1] > -0.03


def test_the_head_weight_is_one_above_the_neck_and_zero_on_the_shoulders(head):
    inside = ("face", "scalp", "ears", "lips", "mouth_cavity", "tongue", "teeth_upper", "teeth_lower", "eyeball_left")
    for name in inside:
        assert (head.head_weight[head.regions[name]] == 1).all(), name
    assert (head.head_weight[head.regions["shoulders"]] == 0).all()
    neck = head.head_weight[head.regions["neck"]]
    assert ((neck > 0) & (neck < 1)).all() and np.ptp(neck) > 0.9


def test_regions_hold_vertices_and_loops_run_along_edges(head):
    edges = {tuple(sorted(pair)) for face in head.faces.tolist() for pair in zip(face, face[1:] + face[:1])}
    assert all(len(region) for region in head.regions.values())
    for name in ("lips_inner", "lips_outer", "eyelid_edge_left", "eyelid_edge_right"):
        loop = head.regions[name].tolist()
        assert len(set(loop)) == len(loop)
        assert all(tuple(sorted(pair)) in edges for pair in zip(loop, loop[1:] + loop[:1])), name
    assert set(head.regions["lips_inner"]) | set(head.regions["lips_outer"]) <= set(head.lips)
    assert not set(head.regions["skin"]) & set(head.regions["mouth_cavity"])


def test_the_texture_has_a_place_of_its_own_for_every_triangle(head):
    size = 1024
    points = np.pad(head.uv * size, ((0, 0), (0, 1)))
    corners = head.uv[head.uv_faces]
    (a, b), (c, d) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    signed = a * d - b * c
    assert (signed < 0).all()  # y points down, so this is counter-clockwise as seen
    covered = (rasterize(points, head.uv_faces, size, size).triangle >= 0).mean()
    assert covered == pytest.approx(-signed.sum() / 2, rel=0.005)


def test_landmarks_are_points_of_triangles_on_the_right_parts(head):
    faces = {tuple(sorted(face)) for face in head.faces.tolist()}
    assert all(tuple(sorted(triangle)) in faces for triangle in head.landmark_vertices.tolist())
    assert (head.landmark_weights >= 0).all()
    np.testing.assert_allclose(head.landmark_weights.sum(1), 1, atol=1e-5)
    assert np.isin(head.landmark_vertices[:468], head.regions["skin"]).all()
    for side, irises in (("right", range(468, 473)), ("left", range(473, 478))):
        assert np.isin(head.landmark_vertices[list(irises)], head.regions[f"eyeball_{side}"]).all()


def test_landmarks_of_upper_and_lower_lip_part_when_the_mouth_opens(head):
    opened = model.deform(head, head.template, shapes(jawOpen=0.5))

    def height(vertices, landmark):
        return head.landmark_weights[landmark] @ vertices[head.landmark_vertices[landmark], 1]

    for upper, lower in ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402)):
        assert abs(height(head.template, upper) - height(head.template, lower)) < 1e-3
        assert height(opened, upper) - height(opened, lower) > 0.005


def test_the_head_faces_forward_and_has_the_size_of_a_person(head):
    skin = head.template[head.regions["face"]]
    assert skin[:, 2].mean() > 0.05
    ears = head.template[head.regions["ears"], 0]
    assert 0.13 < np.ptp(ears) < 0.21
    normal = np.cross(*(head.template[head.faces][:, k] - head.template[head.faces][:, 0] for k in (1, 2)))
    skull = np.isin(head.faces, head.regions["scalp"]).all(1)
    assert (np.einsum("fc,fc->f", normal, head.template[head.faces].mean(1) - [0, 0.05, 0])[skull] > 0).all()


def test_gaze_rotation_is_yaw_about_up_then_pitch(head):
    ahead = model.gaze_rotation(np.array([0.4, 0.3])) @ [0, 0, 1]
    np.testing.assert_allclose(ahead, [np.sin(0.4) * np.cos(0.3), np.sin(0.3), np.cos(0.4) * np.cos(0.3)])
    assert Rotation.from_matrix(model.gaze_rotation(np.zeros((5, 2)))).magnitude().max() == 0
