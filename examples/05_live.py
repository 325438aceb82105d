"""A face in a running program: python examples/05_live.py SPEECH ADDRESS

The address is one that `vividlib live` takes, such as livelink://localhost:11111 for Unreal Engine.
"""

import sys

import vividlib as vv

speech, address = sys.argv[1:]
motion = vv.speak(speech)
with vv.live.connect(address) as out:
    played = vv.live.play(motion, [out], fps=60)
print(f"{played.sent} frames sent, {played.late} dropped because they were late")
