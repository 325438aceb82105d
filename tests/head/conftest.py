"""Files of other people's heads, written with the keys and shapes of their authors.

Their geometry is the default head's, since the real ones are bound by licences: so a reader must find
again what the default head knows.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.head import model

JAW = ("jawOpen", "jawLeft", "jawRight", "jawForward", "mouthClose", "tongueOut")


class Cutting:
    """Some regions of the default head as a mesh of their own."""

    def __init__(self, head, regions):
        self.head = head
        self.kept = np.unique(np.concatenate([head.regions[name] for name in regions]))
        number = np.full(len(head.template), -1)
        number[self.kept] = np.arange(len(self.kept))
        faces = number[head.faces]
        self.faces = faces[(faces >= 0).all(1)]
        self.parts = {name: number[head.regions[name]] for name in regions}
        self.template, self.shapes = head.template[self.kept], head.blendshapes[:, self.kept]
        self.people, self.albedo = head.identity_basis[:, self.kept], head.albedo[self.kept]


@pytest.fixture(scope="session")
def flame_arrays(head):
    """FLAME's dictionary: skin and eyeballs of the default head; its expressions are mixtures of our shapes."""
    cut = Cutting(head, ["skin", "eye_sockets", "eyeball_left", "eyeball_right"])
    count, random = len(cut.kept), np.random.default_rng(0)
    shapedirs = np.zeros((count, 3, 400))
    shapedirs[..., :80] = np.moveaxis(cut.people, 0, -1)
    rest = [i for i, name in enumerate(ARKIT) if name not in JAW]
    mixture = random.normal(0, 0.3, (100, len(rest)))
    shapedirs[..., 300:] = np.moveaxis(np.tensordot(mixture, cut.shapes[rest], 1), 0, -1)
    drop = np.linalg.norm(cut.shapes[ARKIT_INDEX["jawOpen"]], axis=1)
    weights = np.zeros((count, 5))
    weights[:, 2] = drop / drop.max()
    weights[:, 1] = 1 - weights[:, 2]
    for name, joint in (("eyeball_left", 3), ("eyeball_right", 4)):
        weights[cut.parts[name]] = np.eye(5)[joint]
    regressor = np.zeros((5, count))
    regressor[:, 0] = 1
    ears = model.joint(head, head.template, "jaw")
    nearest = np.linalg.norm(cut.template - ears * [1, 1, 0], axis=1).argsort()[:40]
    regressor[2] = np.isin(np.arange(count), nearest) / 40
    return {
        "v_template": cut.template.astype(float), "f": cut.faces.astype(np.uint32), "shapedirs": shapedirs,
        "posedirs": np.zeros((count, 3, 36)), "weights": weights, "J_regressor": sparse.csc_matrix(regressor),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], range(5)]), "J": regressor @ cut.template,
        "bs_type": "lrotmin", "bs_style": "lbs",
    }  # fmt: skip


@pytest.fixture(scope="session")
def faceverse3(head):
    """FaceVerse v3's dictionary: millimetres; skin, then eyeballs; shapes in an order of their own."""
    cut = Cutting(head, ["skin", "eyeball_left", "eyeball_right"])
    order = np.concatenate([cut.parts["skin"], cut.parts["eyeball_left"], cut.parts["eyeball_right"]])
    number = np.argsort(order)
    count = len(order)
    shuffled = np.random.default_rng(0).permutation(len(ARKIT))
    expressions = 1000 * cut.shapes[shuffled][:, order]
    people = np.zeros((150, count, 3))
    people[:80] = 1000 * cut.people[:, order]
    starts = np.cumsum([len(cut.parts[name]) for name in ("skin", "eyeball_left", "eyeball_right")])
    return {
        "meanshape": 1000 * cut.template[order], "tri": number[cut.faces], "ver_inds": starts,
        "tri_inds": np.array([len(cut.faces)] * 3), "idBase": people.reshape(150, -1).T,
        "exBase": np.zeros((3 * count, 171)), "exBase_52": expressions.reshape(52, -1).T,
        "exp_name_list_52": [short(ARKIT[index]) for index in shuffled],
        "meantex": (255 * cut.albedo[order] ** (1 / 2.2)).reshape(1, -1), "texBase": np.zeros((3 * count, 251)),
    }  # fmt: skip


@pytest.fixture(scope="session")
def faceverse4(head):
    return faceverse4_with(head, ("tongue", "teeth_lower", "teeth_upper"))[0]


def faceverse4_with(head, mouth):
    """FaceVerse v4's dictionary and its parts: 171 expressions and 6 of the tongue, without ARKit's names; turned
    by 180 degrees about z, as the authors' code once undid; behind the eyeballs three parts of the mouth in some order."""
    names = ("skin", "eyeball_left", "eyeball_right", *mouth)
    cut = Cutting(head, names)
    order = np.concatenate([cut.parts[name] for name in names])
    axes = 1000 * np.array([-1, -1, 1])
    random = np.random.default_rng(0)
    rest = [i for i, name in enumerate(ARKIT) if name != "tongueOut"]
    motions = np.tensordot(random.normal(0, 0.3, (177, len(rest))), cut.shapes[rest], 1)
    motions[171:] = 0
    motions[171:, cut.parts["tongue"]] = random.normal(0, 0.01, (6, 1, 3))
    starts = np.cumsum([len(cut.parts[name]) for name in names])
    content = {
        "meanshape": cut.template[order] * axes, "tri": np.argsort(order)[cut.faces], "ver_inds": starts,
        "idBase": (np.concatenate([cut.people, cut.people[:76]])[:, order] * axes).reshape(156, -1).T,
        "exBase": (motions[:, order] * axes).reshape(177, -1).T, "meantex": 255 * cut.albedo[order] ** (1 / 2.2),
        "texBase": np.zeros((3 * len(order), 251)), "keypoints_name_list": {"pupil_left_5": [1, 2]},
        "parsing": {"skin": np.ones(len(order))}, "face_mask": np.ones(len(order)),
    }  # fmt: skip
    parts = {name: np.arange(*pair) for name, pair in zip(names[1:], pairwise(starts))}
    return content, parts


@pytest.fixture(scope="session")
def faceverse2(head):
    """FaceVerse v2's dictionary: a face without neck, teeth or separate eyes; unit square, y down, z away."""
    cut = Cutting(head, ["face", "lips", "eyelids_left", "eyelids_right", "eyeball_left", "eyeball_right"])
    unit = 1 / np.ptp(cut.template[:, 1])
    axes = unit * np.array([1, -1, -1])
    return {
        "meanshape": (cut.template - cut.template.mean(0)) * axes, "tri": cut.faces,
        "idBase": np.concatenate([cut.people * axes, np.zeros((70, *cut.template.shape))]).reshape(150, -1).T,
        "exBase": (cut.shapes * axes).reshape(52, -1).T, "exp_name_list": list(ARKIT),
        "meantex": 255 * cut.albedo ** (1 / 2.2), "texBase": np.zeros((3 * len(cut.kept), 251)),
        "skinmask": np.ones(len(cut.kept)), "keypoints": np.arange(66),
    }  # fmt: skip


def short(name):
    """eyeBlinkLeft as FaceVerse and ICT-FaceKit write it, eyeBlink_L; mouthLeft stays."""
    for side in ("Left", "Right"):
        stem = name.removesuffix(side)
        if stem != name and stem not in ("jaw", "mouth"):
            return f"{stem}_{side[0]}"
    return name
