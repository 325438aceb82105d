"""Make a photo speak: python examples/01_animate.py PHOTO SPEECH OUTPUT.mp4"""

import sys

import vividlib as vv

photo, speech, output = sys.argv[1:]
vv.animate(photo, speech, output)
