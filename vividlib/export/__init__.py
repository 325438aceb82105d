"""Motion and faces as files that rigs, engines and viewers read, chosen by suffix."""

from vividlib.export import gltf, livelink, npz

MOTION_WRITERS = {".npz": npz.write, ".csv": livelink.write, ".glb": gltf.write_motion}
MOTION_READERS = {".npz": npz.read, ".csv": livelink.read}
FACE_WRITERS = {".glb": gltf.write_face}
