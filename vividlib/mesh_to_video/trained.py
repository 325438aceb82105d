"""Which trained networks draw: chosen by name, read from assets/ once a process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vividlib import weights
from vividlib.errors import InputError
from vividlib.mesh_to_video.network_sizes import SIZES

if TYPE_CHECKING:
    from vividlib.mesh_to_video.networks import VideoNetworks

DEFAULT: str | None = "auto"
"""What videos are drawn with where nothing is said."""
TRAINED = {"fast": ("video_fast.safetensors", SIZES["fast"])}
"""File of the weights and sizes, by name, the best first."""


def chosen(name: str | None) -> str | None:
    """The networks of TRAINED that will draw, or None: mesh and photo alone.

    Parameters
    ----------
    name
        One of TRAINED; None; or ``"auto"``, the first whose weights are among the assets, if there are any.

    Raises
    ------
    InputError
        If there are none of that name.
    """
    if name == "auto":
        return next((own for own, (file, _) in TRAINED.items() if file in weights.manifest()), None)
    if name is not None and name not in TRAINED:
        raise InputError(f"There are no networks called {name!r}; use auto, {', '.join(TRAINED)}, or None for none.")
    return name


def load_networks(name: str | None) -> VideoNetworks | None:
    """The networks that `chosen` chooses, for `vividlib.mesh_to_video.render.Renderer`.

    Raises
    ------
    InputError
        If there are none of that name.
    WeightsError
        If their weights are not among the assets, or damaged.
    """
    own = chosen(name)
    return None if own is None else _loaded(own)


@cache
def _loaded(name: str) -> VideoNetworks:
    from vividlib.mesh_to_video.networks import with_weights  # here, because torch takes seconds to load

    file, sizes = TRAINED[name]
    return with_weights(weights.load_weights(file), sizes)
