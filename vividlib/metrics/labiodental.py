"""Whether the lower lip meets the upper teeth, as on f and v, in millimetres of what is seen between them.

The viseme of f and v is the lower lip at the edge of the upper incisors (Fisher, "Confusions among visually perceived
consonants", 1968). On the default head the teeth stand a centimetre behind the lips, so a distance in space would
never be 0; what a viewer in front sees is whether the lower lip's edge reaches up to the edge of the teeth, or a slit
is left between them.
"""

from __future__ import annotations

import numpy as np

from vividlib.types import HeadModel

MET = 1.0
"""mm of slit up to which rendered teeth and lip are seen to meet; from 2 mm on there is a dark gap."""
INCISORS = 0.009
"""Metres from the middle to the outer edge of the central incisors."""
MIDDLE = 0.006
"""Metres from the middle to where the lower lip's edge falls off to the corners."""


def slit(lips: np.ndarray, head: HeadModel) -> np.ndarray:
    """Height of the upper incisors' edge over the lower lip's, (T, L, 3) mm of `mouth.lip_vertices` to (T,) mm.

    Below 0 the lip covers the edge of the teeth. The upper teeth do not move with the blendshapes.
    """
    teeth = head.template[head.regions["teeth_upper"]]
    edge = 1000 * teeth[np.abs(teeth[:, 0]) < INCISORS, 1].min()
    lower = np.isin(head.lips, head.regions["lips_lower"]) & (np.abs(head.template[head.lips, 0]) < MIDDLE)
    return edge - lips[:, lower, 1].max(1)
