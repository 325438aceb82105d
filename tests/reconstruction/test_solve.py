"""The fit finds again what a rendered head was made with."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import deform, load
from vividlib.reconstruction.solve import bounded_solve, landmarks_of, solve
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


def test_bounded_solve_agrees_with_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 8)), rng.normal(size=30)
    ours = bounded_solve((a.T @ a)[None], (a.T @ b)[None], np.zeros((1, 8)), np.full((1, 8), 0.1))
    np.testing.assert_allclose(ours[0], lsq_linear(a, b, (0, 0.1)).x, atol=1e-6)
