"""Axes, units, rates and names that every module shares: constants and nothing else.

Space
    Right-handed, metres, +Y up, +Z out of the face, so +X is the person's own left and the
    viewer's right (the frame of glTF). *Head space* has its origin at the head joint, where the
    skull sits on the neck; *camera space* has the same axes, looks along -Z, and has its origin
    where the head joint of the photo is when its translation is zero.
Rotation
    Unit quaternions (x, y, z, w), as in scipy and glTF. Euler angles exist only in exports.
Image
    Pixels, x right, y down, pixel centres at integers; uint8 sRGB unless a name says otherwise.
    ``grid_sample`` is always called with ``align_corners=True``, which maps -1 and 1 to the
    centres of the first and the last pixel.
Gaze
    Radians, relative to the head: yaw is positive towards the person's left (+X), pitch is
    positive upwards (+Y). Order: left eye, right eye; yaw, pitch.
Time
    Seconds. Motion is made at ``MOTION_RATE`` and sampled at any frame rate.
"""

SAMPLE_RATE = 16_000
"""Samples a second of all speech inside the library (Hz)."""

MOTION_RATE = 50
"""Frames a second of motion made from audio (Hz)."""

ARKIT = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose",
    "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
    "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
"""The 52 ARKit blendshape names in Apple's canonical order, which every array here follows."""

ARKIT_INDEX = {name: index for index, name in enumerate(ARKIT)}
"""Column of each blendshape: ``motion.blendshapes[:, ARKIT_INDEX["jawOpen"]]``."""

GAZE_AT_ONE = 0.5236
"""Eye rotation (radians, 30 degrees) at which an eyeLook blendshape reaches 1."""

LIPS = (
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
)
"""MediaPipe's landmarks on the outer and the inner loop of the lips, each from the right corner along the lower lip."""
LIP_LANDMARKS = [*LIPS[0], *LIPS[1]]
"""Where lip offsets are given: `head.lips.spread` moves the lips of any head by them."""
