"""VTube Studio: face parameters through its plugin API, JSON over a WebSocket.

The first time VTube Studio asks the user whether vividlib may do that; the token it then gives is kept for later
sessions. Parameters that it does not know are created first: those of rigs made for iPhone tracking (``JawOpen``,
``MouthFunnel``, ...), under the names and ranges that have become customary for them.

Left and right are the person's own, and ``FaceAngleX``, ``EyeLeftX`` and ``FacePositionX`` are positive towards the
person's own right, as with a tracked user.
"""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, GAZE_AT_ONE
from vividlib.errors import BackendError, OutputError
from vividlib.live.link import Link
from vividlib.media.files import atomic_output
from vividlib.types import Motion

try:
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect as open_socket
except ImportError:
    WebSocketException = open_socket = None

PORT = 8001
CUSTOM = {
    "JawOpen": (0, 1), "MouthX": (-1, 1), "MouthFunnel": (0, 1), "MouthPucker": (-1, 1), "MouthShrug": (0, 1),
    "MouthPressLipOpen": (-1.3, 1.3), "BrowInnerUp": (0, 1),
}  # fmt: skip
"""Parameters that VTube Studio does not have by itself: name -> range. At rest all are 0."""

_PLUGIN = {"pluginName": "vividlib", "pluginDeveloper": "vividlib"}
_ANSWER = 5.0  # seconds VTube Studio may take to answer
_CLOSING = 1.0  # seconds it may take to say goodbye
_DECISION = 120.0  # seconds a user may take to allow the plugin
_AGAIN = 1.0  # seconds between attempts to reach a VTube Studio that is away
_REMIND = 0.5  # seconds after which the last frame is repeated: parameters fall back to their defaults after one

_AWAY = OSError, ValueError, LookupError  # nobody there, or somebody who talks otherwise
_NOT_FOUND = 453  # of a parameter that values are sent for
_THERE_ALREADY = 352, 354  # a parameter of that name was created by another plugin, or is VTube Studio's own
_ADVICE = {
    1: "switch on `Allow Plugin API access` in its settings",
    8: "remove vividlib from its list of plugins and start again",
    50: "start again and choose Allow when it asks about vividlib",
    51: "answer the question that it shows, then start again",
    454: "stop the other plugin that moves the face, then start again",
}


class VTubeStudio(Link):
    """A plugin of VTube Studio. Opening it waits until the user has allowed it.

    Frames are sent by a thread of its own, always the latest; a VTube Studio that is restarted is found again.

    Parameters
    ----------
    host, port
        Where VTube Studio runs, and the port of its plugin API.
    token_file
        Where the permission is kept; None: a file for this host and port in the user's configuration folder.

    Attributes
    ----------
    overtaken : frames that were not sent, because a newer one came before they could be

    Raises
    ------
    OutputError
        If VTube Studio is not there, or access is denied.
    BackendError
        If websockets or platformdirs is not installed.
    """

    def __init__(self, host: str = "localhost", port: int = PORT, token_file: str | Path | None = None):
        if open_socket is None:
            raise BackendError('VTube Studio needs websockets: pip install "vividlib[live]".')
        super().__init__()
        self._address = f"ws://{f'[{host}]' if ':' in host else host}:{port}"
        self._token_file = Path(token_file) if token_file else _token_file(host, port)
        self._latest, self._fresh, self._closing, self._problem = None, False, False, None
        self._change = threading.Condition()
        self.overtaken = 0
        self._session = ExitStack()
        try:
            self._socket = self._connected()
        except OutputError:
            self._session.close()
            raise
        except (*_AWAY, WebSocketException) as error:
            self._session.close()
            raise OutputError(
                f"VTube Studio does not answer at {self._address} ({error}); start it and switch on "
                "`Allow Plugin API access` in its settings."
            ) from error
        self._thread = threading.Thread(target=self._work, name="VTube Studio", daemon=True)
        self._thread.start()

    def _send(self, frame: Motion, seconds: float) -> None:
        if self._problem:
            raise self._problem
        values = parameters(frame)
        with self._change:
            self.overtaken += self._fresh
            self._latest, self._fresh = values, True
            self._change.notify_all()

    def close(self) -> None:
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join()
        self._session.close()

    def _work(self) -> None:
        """Send the latest frame whenever there is a new one, or none for a while, until closed or refused."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._fresh or self._closing, _REMIND)
                values, fresh, last, self._fresh = self._latest, self._fresh, self._closing, False
            try:
                if values and (fresh or not last):
                    self._socket = self._socket or self._connected()
                    self._inject(values)
            except OutputError as problem:
                self._problem = problem
                return
            except (*_AWAY, WebSocketException):
                self._socket = None
                with self._change:
                    self._change.wait_for(lambda: self._closing, _AGAIN)
            if last:
                return

    def _connected(self):
        """A new connection, allowed, with all parameters there."""
        self._session.close()
        socket = self._session.enter_context(
            open_socket(self._address, open_timeout=_ANSWER, close_timeout=_CLOSING, compression=None, proxy=None)
        )
        token = self._token_file.read_text("utf-8").strip() if self._token_file.is_file() else ""
        if not token or not _authenticated(socket, token):
            token = _answer(socket, "AuthenticationTokenRequest", _PLUGIN, _DECISION)["authenticationToken"]
            self._token_file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_output(self._token_file) as partial:
                partial.write_text(token, "utf-8")
            if not _authenticated(socket, token):
                raise _Refused(8, "it does not accept the token it gave")
        _create_parameters(socket)
        return socket

    def _inject(self, values: dict[str, float]) -> None:
        """Send values without waiting; what was answered to earlier ones is looked at."""
        wanted = [{"id": name, "value": value} for name, value in values.items()]
        _ask(self._socket, "InjectParameterDataRequest", {"faceFound": True, "mode": "set", "parameterValues": wanted})
        while True:
            try:
                answer = json.loads(self._socket.recv(timeout=0))
            except TimeoutError:
                return
            if answer["messageType"] == "APIError":
                problem = _Refused(answer["data"]["errorID"], answer["data"]["message"])
                if problem.number != _NOT_FOUND:
                    raise problem
                _create_parameters(self._socket)  # somebody deleted them


class _Refused(OutputError):
    """What VTube Studio said no to."""

    def __init__(self, number: int, message: str):
        advice = _ADVICE.get(number, f"that is error {number} of its API, look it up there")
        super().__init__(f"VTube Studio refuses: {message.rstrip('.')}; {advice}.")
        self.number = number


def parameters(frame: Motion) -> dict[str, float]:
    """What a frame says in VTube Studio's terms: parameter -> value.

    Angles are degrees, positions centimetres, everything else from 0 or -1 to 1. ``MouthSmile``, ``Brows`` and
    ``EyeOpen`` rest at 0.5: below is frown, lowered and closed.
    """
    on = {name: float(value) for name, value in zip(ARKIT, frame.blendshapes[0])}
    yaw, pitch, roll = Rotation.from_quat(frame.head_rotation[0]).as_euler("YXZ", degrees=True).tolist()
    x, y, z = (frame.head_translation[0].astype(float) * 100).tolist()
    values = {"FaceAngleX": -yaw, "FaceAngleY": -pitch, "FaceAngleZ": roll}
    values |= {"FacePositionX": -x, "FacePositionY": y, "FacePositionZ": z}
    for side, (turn, lift) in zip(("Left", "Right"), (frame.gaze[0] / GAZE_AT_ONE).tolist()):
        values[f"Eye{side}X"], values[f"Eye{side}Y"] = np.clip([-turn, lift], -1, 1).tolist()
        values[f"EyeOpen{side}"] = _between(0.5 + 0.5 * (on[f"eyeWide{side}"] - on[f"eyeBlink{side}"]))
        raised = (on[f"browOuterUp{side}"] + on["browInnerUp"]) / 2 - on[f"browDown{side}"]
        values[f"Brow{side}Y"] = _between(0.5 + raised)
    values["Brows"] = (values["BrowLeftY"] + values["BrowRightY"]) / 2
    smile, dimple, frown, press, upper, lower = (
        on[f"mouth{name}Left"] + on[f"mouth{name}Right"]
        for name in ("Smile", "Dimple", "Frown", "Press", "UpperUp", "LowerDown")
    )
    roll_in = on["mouthRollUpper"] + on["mouthRollLower"]
    values |= {
        "MouthOpen": _between(on["jawOpen"] - on["mouthClose"] - 0.2 * roll_in + 0.2 * on["mouthFunnel"]),
        "MouthSmile": _between(0.5 + (smile + dimple / 2 - frown - on["mouthPucker"]) / 4),
        "TongueOut": on["tongueOut"],
        "CheekPuff": on["cheekPuff"],
        "JawOpen": on["jawOpen"],
        "MouthX": on["mouthLeft"] - on["mouthRight"] + on["mouthSmileLeft"] - on["mouthSmileRight"],
        "MouthFunnel": on["mouthFunnel"] - 0.2 * on["jawOpen"],
        "MouthPucker": 2 * dimple - on["mouthPucker"],
        "MouthShrug": (on["mouthShrugUpper"] + on["mouthShrugLower"] + press) / 4,
        "MouthPressLipOpen": (upper + lower) / 1.8 - roll_in,
        "BrowInnerUp": on["browInnerUp"],
    }
    return values | {name: float(np.clip(values[name], low, high)) for name, (low, high) in CUSTOM.items()}


def _between(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _token_file(host: str, port: int) -> Path:
    try:
        from platformdirs import user_config_path
    except ImportError as error:
        raise BackendError('VTube Studio needs platformdirs: pip install "vividlib[live]".') from error
    return user_config_path("vividlib", appauthor=False) / f"vtube-studio-{host.replace(':', '.')}-{port}.token"


def _ask(socket, kind: str, data: dict) -> str:
    number = uuid.uuid4().hex
    request = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "requestID": number, "messageType": kind}
    socket.send(json.dumps(request | {"data": data}))
    return number


def _answer(socket, kind: str, data: dict, patience: float = _ANSWER) -> dict:
    """Ask and wait for the answer to just that; `_Refused` if it is an error."""
    number = _ask(socket, kind, data)
    while True:
        answer = json.loads(socket.recv(timeout=patience))
        if answer.get("requestID") == number:
            break
    if answer["messageType"] == "APIError":
        raise _Refused(answer["data"]["errorID"], answer["data"]["message"])
    return answer["data"]


def _authenticated(socket, token: str) -> bool:
    return _answer(socket, "AuthenticationRequest", _PLUGIN | {"authenticationToken": token})["authenticated"]


def _create_parameters(socket) -> None:
    for name, (low, high) in CUSTOM.items():
        wanted = {"parameterName": name, "explanation": "from vividlib", "min": low, "max": high, "defaultValue": 0}
        try:
            _answer(socket, "ParameterCreationRequest", wanted)
        except _Refused as problem:
            if problem.number not in _THERE_ALREADY:
                raise
