"""Another person's performance on a photo: python examples/03_puppet.py PHOTO VIDEO_OR_TAKE OUTPUT.mp4

The performance is a video of one face, or a take recorded with Live Link Face (.csv).
"""

import sys
from pathlib import Path

import vividlib as vv

photo, performance, output = sys.argv[1:]
face = vv.reconstruct(photo)
motion = vv.load_motion(performance) if Path(performance).suffix == ".csv" else vv.track(performance)
vv.render(face, motion, fps=motion.rate).save(output)
