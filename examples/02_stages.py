"""The same stage by stage, with a hand in between: python examples/02_stages.py PHOTO SPEECH FOLDER"""

import sys
from dataclasses import replace
from pathlib import Path

import vividlib as vv
from vividlib.conventions import ARKIT_INDEX

photo, speech, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])

face = vv.reconstruct(photo)
vv.save_face(face, folder / "face.glb")  # neutral head, textured, 52 morph targets

motion = vv.speak(speech, seed=7)
vv.save_motion(motion, folder / "take.csv")  # Live Link Face, for Unreal, Blender, Maya

# A motion is arrays: lift the brows by a fifth, and sway half as far.
shapes = motion.blendshapes.copy()
shapes[:, ARKIT_INDEX["browInnerUp"]] += 0.2
motion = replace(motion, blendshapes=shapes.clip(0, 1), head_translation=motion.head_translation / 2)

motion = vv.carry_mood(face, motion)  # keep the photo's brows, gaze and half of its smile
vv.save_motion(motion, folder / "take.glb", face)  # this person's head, animated
vv.render(face, motion, size=512, fps=30).save(folder / "out.mp4", audio=speech)
