"""Motion sent to running programs, frame by frame.

::

    with vv.live.LiveLink("192.168.0.5") as out:
        out.send(frame)  # a motion of one frame

    vv.live.play(motion, [vv.live.connect("vmc://localhost:39539")], fps=60)
"""

from vividlib.live.address import connect
from vividlib.live.ifacialmocap import IFacialMocap
from vividlib.live.livelink import LiveLink
from vividlib.live.pacing import Played, Timeline, play
from vividlib.live.sources import broadcast
from vividlib.live.vmc import VMC
from vividlib.live.vts import VTubeStudio

__all__ = ["VMC", "IFacialMocap", "LiveLink", "Played", "Timeline", "VTubeStudio", "broadcast", "connect", "play"]
