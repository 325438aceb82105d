import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import FaceTurnedError
from vividlib.head.model import deform, landmarks_of, load
from vividlib.reconstruction.fit import fit_portrait, landmark_error, refine
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import solve
from vividlib.reconstruction.texture import unwrap
from vividlib.types import Portrait


@pytest.fixture(scope="module")
def face():
    return fit_portrait(find_portrait(astronaut()), load())


def test_the_mesh_meets_the_landmarks(face):
    assert landmark_error(face) < 0.01


def test_the_smile_is_expression_and_the_neutral_lips_are_closed(face):
    assert face.expression[ARKIT_INDEX["mouthSmileLeft"]] > 0.3
    head = face.head
    upper = np.setdiff1d(head.regions["lips_upper"], head.regions["lips_outer"])
    inner = head.regions["lips_inner"]
    smiling = deform(head, face.neutral, face.expression) + face.remainder

    def gap(vertices):
        on_upper = np.isin(inner, upper)
        middle = np.abs(vertices[inner, 0]) < 0.01
        return vertices[inner[on_upper & middle], 1].mean() - vertices[inner[~on_upper & middle], 1].mean()

    assert abs(gap(face.neutral)) < 0.0015
    assert gap(smiling) > 0.003


def test_eyes_go_with_their_lids_and_teeth_with_the_lips_without_bending(face):
    head = face.head
    bend = face.neutral - head.template - np.tensordot(face.identity, head.identity_basis, 1)
    guides = dict.fromkeys(("teeth_upper", "teeth_lower", "tongue"), "lips_inner")
    guides |= {f"eyeball_{side}": f"eyelids_{side}" for side in ("left", "right")}
    for part, guide in guides.items():
        wanted = bend[head.regions[guide]].mean(0)
        assert np.linalg.norm(wanted) > 1e-5
        np.testing.assert_allclose(bend[head.regions[part]], np.tile(wanted, (len(head.regions[part]), 1)), atol=1e-5)


def test_what_no_identity_explains_bends_the_neutral_head(face):
    """A chin to one side, as no person of the basis has it, is this person's shape, not an expression."""
    head = face.head
    low = np.clip((0.02 - head.template[:, 1]) / 0.06, 0, 1)
    odd = head.template + np.column_stack([0.008 * low**2, 0 * low, 0 * low])
    pixels = landmarks_of(head, odd) * 1500 * [1, -1, -1] + [300, 300, 0]
    solution = solve(head, pixels[None])
    neutral = head.template + np.tensordot(solution.identity, head.identity_basis, 1)
    before, after = (
        solve(head, pixels[None], shape).residual[0, :468] for shape in (neutral, refine(head, neutral, solution))
    )
    assert np.abs(after).mean() < 0.5 * np.abs(before).mean()


def test_she_looks_to_the_camera_with_her_head_a_little_turned(face):
    yaw, pitch, roll = Rotation.from_quat(face.rotation).as_euler("YXZ", degrees=True)
    assert abs(yaw) < 20 and abs(pitch) < 20 and abs(roll) < 15


def test_a_mirrored_photo_gives_the_mirrored_face(face):
    mirrored = fit_portrait(find_portrait(np.ascontiguousarray(astronaut()[:, ::-1])), face.head)
    yaw, _, roll = Rotation.from_quat(face.rotation).as_euler("YXZ", degrees=True)
    other_yaw, _, other_roll = Rotation.from_quat(mirrored.rotation).as_euler("YXZ", degrees=True)
    assert other_yaw == pytest.approx(-yaw, abs=3) and other_roll == pytest.approx(-roll, abs=3)


def test_a_face_seen_from_the_side_is_refused(face):
    portrait = face.portrait
    centred = portrait.landmarks - portrait.landmarks.mean(0)
    sideways = Rotation.from_euler("Y", 75, degrees=True).apply(centred) + portrait.landmarks.mean(0)
    with pytest.raises(FaceTurnedError, match="degrees"):
        fit_portrait(Portrait(portrait.image, sideways, portrait.mask, portrait.box), face.head)


def test_the_texture_shows_the_photo_where_the_photo_shows_the_face(face):
    texture = unwrap(face, 512)
    assert texture.shape == (512, 512, 3) and texture.dtype == np.uint8
    head = face.head
    corner = head.faces == head.landmark_vertices[1, 0]  # the tip of the nose
    u, v = head.uv[head.uv_faces[corner][0]] * 512
    x, y = face.portrait.landmarks[1, :2].round().astype(int)
    near = astronaut()[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)
    assert np.abs(texture[int(v), int(u)] - near.mean(0)).max() < 40
