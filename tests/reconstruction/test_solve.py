"""The fit finds again what a rendered head was made with."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import deform, landmarks_of, load, shape_scale
from vividlib.reconstruction.solve import _linearise, _project, bounded_solve, solve
from vividlib.types import Camera

CAMERA = Camera(scale=1500.0, centre=(260.0, 300.0))


def synthetic_landmarks(head, identity, expression, gaze, turn):
    """Landmarks (478 3 px) of a head with known coefficients, as MediaPipe would give them."""
    neutral = head.template + np.einsum("k,kvc->vc", identity, head.identity_basis)
    vertices = deform(head, neutral, expression, gaze)
    posed = head_to_camera(landmarks_of(head, vertices), turn.as_quat(), np.zeros(3))
    pixels, depth = project(CAMERA, posed)
    return np.column_stack([pixels, -depth * CAMERA.scale])


@pytest.fixture(scope="module")
def head():
    return load()


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, -10, 5), (-40, 8, -12)])
def test_known_coefficients_are_recovered(head, angles):
    rng = np.random.default_rng(3)
    identity = rng.normal(0, 0.7, len(head.identity_basis)).astype(np.float32)
    gaze = np.array([[0.15, -0.1], [0.15, -0.1]], np.float32)
    expression = eye_shapes(gaze)
    for name, value in {"jawOpen": 0.5, "mouthSmileLeft": 0.4, "eyeBlinkRight": 0.8, "browInnerUp": 0.6}.items():
        expression[ARKIT_INDEX[name]] = value
    turn = Rotation.from_euler("YXZ", angles, degrees=True)
    neutral = head.template + np.einsum("k,kvc->vc", identity, head.identity_basis)
    solution = solve(head, synthetic_landmarks(head, identity, expression, gaze, turn)[None], neutral)
    assert (Rotation.from_matrix(solution.rotation[0]) * turn.inv()).magnitude() < np.radians(0.5)
    assert solution.scale[0] == pytest.approx(CAMERA.scale, rel=0.01)
    np.testing.assert_allclose(solution.expression[0], expression, atol=0.2)
    np.testing.assert_allclose(solution.gaze[0], gaze, atol=0.03)


def test_identity_and_pose_are_found_together(head):
    rng = np.random.default_rng(5)
    identity = rng.normal(0, 0.7, len(head.identity_basis)).astype(np.float32)
    turn = Rotation.from_euler("YXZ", (15, 5, 3), degrees=True)
    seen = synthetic_landmarks(head, identity, np.zeros(52, np.float32), np.zeros((2, 2)), turn)
    solution = solve(head, seen[None])
    # Weak evidence along the viewing ray leaves a degree of freedom: what is seen must fit.
    assert np.abs(solution.residual[0, :468]).mean() < 0.5
    assert (Rotation.from_matrix(solution.rotation[0]) * turn.inv()).magnitude() < np.radians(4)


def test_a_smile_is_expression_not_identity(head):
    expression = np.zeros(52, np.float32)
    for name in ("mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        expression[ARKIT_INDEX[name]] = 0.7
    seen = synthetic_landmarks(
        head, np.zeros(len(head.identity_basis)), expression, np.zeros((2, 2)), Rotation.identity()
    )
    solution = solve(head, seen[None])
    assert solution.expression[0, ARKIT_INDEX["mouthSmileLeft"]] > 0.45
    assert np.abs(solution.identity).max() < 1


@pytest.mark.parametrize("correlated", [0.0, 0.6])
def test_bounded_solve_agrees_with_scipy(correlated):
    """Also where shapes resemble each other: full Newton steps then cycle between the bounds."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(10, 90, 40)), rng.normal(size=(10, 90))
    a += correlated / (1 - correlated) * rng.normal(size=(10, 90, 4)) @ rng.normal(size=(10, 4, 40))
    across = np.swapaxes(a, 1, 2)
    low, high = np.full((10, 40), -0.02), np.full((10, 40), 0.1)
    ours = bounded_solve(across @ a, (across @ b[..., None])[..., 0], low, high)
    for system, goal, found in zip(a, b, ours):
        best = lsq_linear(system, goal, (-0.02, 0.1), method="bvls").cost
        assert ((system @ found - goal) ** 2).sum() / 2 <= best * (1 + 1e-6)


def seen_frontally(head, identity=None, noise=None, **shapes):
    """Landmarks (48 478 3 px) of many looks at one expression, astray by 1 mm where there is ``noise``."""
    identity = np.zeros(len(head.identity_basis), np.float32) if identity is None else identity
    expression = np.zeros(52, np.float32)
    for name, value in shapes.items():
        expression[ARKIT_INDEX[name]] = value
    points = synthetic_landmarks(head, identity, expression, np.zeros((2, 2)), Rotation.identity())
    stray = np.zeros((48, 478, 3)) if noise is None else noise.normal(0, 0.001 * CAMERA.scale, (48, 478, 3))
    return points + stray


def test_noise_is_not_taken_for_an_expression(head):
    solution = solve(head, seen_frontally(head, noise=np.random.default_rng(7)), head.template)
    looks = [name.startswith("eyeLook") for name in ARKIT_INDEX]
    assert solution.expression[:, ~np.array(looks)].sum(1).mean() < 2.5  # 3.1 without its price


def test_noise_does_not_make_a_mouth_crooked(head):
    seen = seen_frontally(head, noise=np.random.default_rng(8), mouthSmileLeft=0.5, mouthSmileRight=0.5)
    found = solve(head, seen, head.template).expression
    sides = [(n, n.replace("Left", "Right")) for n in ARKIT_INDEX if n.startswith("mouth") and n.endswith("Left")]
    pairs = np.array([[ARKIT_INDEX[left], ARKIT_INDEX[right]] for left, right in sides if left != "mouthLeft"])
    assert np.abs(np.diff(found[:, pairs], axis=2)).mean() < 0.0495  # 0.054 without the price of a difference
    assert found[:, ARKIT_INDEX["mouthSmileLeft"]].mean() == pytest.approx(0.5, abs=0.1)


def test_a_blink_is_as_far_as_this_persons_eyes_are_open(head):
    wide = np.linalg.lstsq(_lid_openings(head), [4, 4], rcond=None)[0].astype(np.float32)
    neutral = (head.template + np.tensordot(wide, head.identity_basis, 1)).astype(np.float32)
    assert shape_scale(head, neutral)[ARKIT_INDEX["eyeBlinkLeft"]] > 1.2
    seen = seen_frontally(head, wide, eyeBlinkLeft=0.6, eyeBlinkRight=0.6)
    found = solve(head, seen[:1], neutral).expression[0]
    assert found[ARKIT_INDEX["eyeBlinkLeft"]] == pytest.approx(0.6, abs=0.05)
    assert found[ARKIT_INDEX["eyeBlinkRight"]] == pytest.approx(0.6, abs=0.05)


def _lid_openings(head):
    """Millimetres (2 K) by which each identity component opens the left and the right eye."""
    openings = []
    for side in ("left", "right"):
        edge = head.regions[f"eyelid_edge_{side}"]
        order = edge[np.argsort(head.template[edge, 1])]
        openings.append(1000 * (head.identity_basis[:, order[-1], 1] - head.identity_basis[:, order[0], 1]))
    return np.array(openings)


def test_where_the_depth_is_counted_from_does_not_matter(head):
    seen = seen_frontally(head, jawOpen=0.4)[:1]
    here, there = (solve(head, points, head.template) for points in (seen, seen + [0, 0, 500]))
    np.testing.assert_allclose(there.expression, here.expression, atol=1e-4)
    np.testing.assert_allclose(there.rotation, here.rotation, atol=1e-5)
    np.testing.assert_allclose(there.scale, here.scale, rtol=1e-5)


def test_the_jacobian_is_the_derivative_of_the_residual(head):
    rotation = Rotation.from_euler("YXZ", [[20, -10, 5]], degrees=True).as_matrix()
    scale, centre = np.array([CAMERA.scale]), np.array([CAMERA.centre])
    points = landmarks_of(head, head.template)[None].astype(np.float64)
    directions = np.moveaxis(landmarks_of(head, head.blendshapes[[17, 23]]), 0, -1).astype(np.float64)

    def residual(target, step):
        turned = Rotation.from_rotvec(step[:3]).as_matrix() @ rotation
        size = scale * np.exp(step[3])
        moved = points + directions @ step[6:]
        return _linearise(moved, directions, target, turned, size, centre + step[4:6] * size[:, None])

    still = np.zeros(8)
    seen, camera = _project(points, rotation, scale, centre)
    target = np.concatenate([seen, -camera[..., 2:] * scale], -1)  # so that the residual is zero
    start, jacobian = residual(target, still)
    np.testing.assert_allclose(start, 0, atol=1e-6)
    for i in range(len(still)):
        step = still.copy()
        step[i] = 1e-4
        numeric = (residual(target, step)[0] - residual(target, -step)[0]) / 2e-4
        largest = np.abs(jacobian[0, :, i]).max()
        np.testing.assert_allclose(-numeric[0], jacobian[0, :, i], atol=2e-3 * largest, err_msg=f"parameter {i}")
