import numpy as np
import pytest
from trimesh.creation import box, icosphere

from vividlib.geometry.mesh import edges, laplacian, vertex_normals


def test_normals_of_a_ball_point_outwards():
    ball = icosphere(subdivisions=3)
    normals = vertex_normals(ball.vertices, ball.faces)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert (np.einsum("vc,vc->v", normals, ball.vertices) > 0.995).all()
    np.testing.assert_allclose(vertex_normals(ball.vertices, ball.faces[:, ::-1]), -normals, atol=1e-6)


def test_normals_turn_with_the_mesh_and_weigh_by_area():
    flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 3]], float)
    normals = vertex_normals(flat, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(normals[1], [0, 0, 1])
    np.testing.assert_allclose(normals[0], np.array([3, 0, 1]) / np.sqrt(10), atol=1e-6)


def test_vertices_without_area_have_no_normal():
    points = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [5, 5, 5]], float)
    assert not vertex_normals(points, np.array([[0, 1, 2]])).any()


def test_a_closed_mesh_has_each_edge_once():
    pairs = edges(box().faces)
    assert len(pairs) == 18  # Euler: 8 - E + 12 = 2
    assert (pairs[:, 0] < pairs[:, 1]).all()


def test_laplacian_is_the_vertex_minus_the_mean_of_its_neighbours():
    ball = icosphere(subdivisions=2)
    operator = laplacian(ball.faces, len(ball.vertices) + 1)
    values = np.random.default_rng(0).normal(size=(len(ball.vertices) + 1, 3))
    found = operator @ values
    for vertex in (0, 7, 100):
        around = ball.vertex_neighbors[vertex]
        np.testing.assert_allclose(found[vertex], values[vertex] - values[around].mean(0))
    assert found[-1] == pytest.approx(0)  # a vertex without triangles
    np.testing.assert_allclose(operator @ np.ones(len(values)), 0, atol=1e-12)
