"""A server that answers as VTube Studio does: python vts.py PORT FILE [deny]. Prints its port, then a report as JSON.

Tokens and created parameters are remembered in FILE, as VTube Studio remembers them over a restart. Requests of its
own: ``TestForget`` (somebody deletes the created parameters), ``TestEnd`` (print the report and exit).
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

OWN = {
    *(f"FaceAngle{axis}" for axis in "XYZ"), *(f"FacePosition{axis}" for axis in "XYZ"), "MouthOpen", "MouthSmile",
    "EyeOpenLeft", "EyeOpenRight", "EyeLeftX", "EyeLeftY", "EyeRightX", "EyeRightY", "Brows", "BrowLeftY",
    "BrowRightY", "TongueOut", "CheekPuff",
}  # fmt: skip
report = {"asked": 0, "denied": 0, "errors": [], "frames": [], "heard": []}
lock, alone, talking = threading.Lock(), threading.Condition(), set()


class Problem(Exception):
    pass


def answer(kind, data, session):
    memory = json.loads(store.read_text()) if store.exists() else {"tokens": [], "created": {}}
    if kind == "AuthenticationTokenRequest":
        report["asked"] += 1
        assert 3 <= len(data["pluginName"]) <= 32 and 3 <= len(data["pluginDeveloper"]) <= 32
        if deny:
            raise Problem(50, "User has denied API access for your plugin.")
        memory["tokens"].append(f"token-{len(memory['tokens'])}")
        store.write_text(json.dumps(memory))
        return "AuthenticationTokenResponse", {"authenticationToken": memory["tokens"][-1]}
    if kind == "AuthenticationRequest":
        session["allowed"] = data["authenticationToken"] in memory["tokens"]
        report["denied"] += not session["allowed"]
        return "AuthenticationResponse", {"authenticated": session["allowed"], "reason": ""}
    if kind == "TestForget":
        store.write_text(json.dumps(memory | {"created": {}}))
        return "TestForgetResponse", {}
    if not session.get("allowed"):
        raise Problem(8, "This request requires authentication.")
    if kind == "ParameterCreationRequest":
        name = data["parameterName"]
        if not (4 <= len(name) <= 32 and name.isalnum()):
            raise Problem(350, f"Invalid parameter name {name}.")
        if name in OWN:
            raise Problem(354, f"{name} is a default parameter.")
        memory["created"][name] = [data["min"], data["max"]]
        store.write_text(json.dumps(memory))
        return "ParameterCreationResponse", {"parameterName": name}
    if kind == "InjectParameterDataRequest":
        values = {value["id"]: value["value"] for value in data["parameterValues"]}
        unknown = values.keys() - OWN - memory["created"].keys()
        if unknown:
            raise Problem(453, f"Parameter {min(unknown)} not found.")
        assert data["faceFound"] is True and data["mode"] == "set"
        report["heard"].append(time.monotonic())
        report["frames"].append(values)
        return "InjectParameterDataResponse", {}
    raise Problem(7, f"Unknown request {kind}.")


def talk(socket):
    session = {}
    with alone:
        talking.add(socket)
    try:
        for text in socket:
            request = json.loads(text)
            assert request["apiName"] == "VTubeStudioPublicAPI" and request["apiVersion"] == "1.0"
            assert 1 <= len(request["requestID"]) <= 64
            if request["messageType"] == "TestEnd":
                with alone:  # what others said before is heard before
                    alone.wait_for(lambda: talking == {socket})
                print(json.dumps(report | {"created": json.loads(store.read_text())["created"]}), flush=True)
                os._exit(0)
            with lock:
                try:
                    kind, data = answer(request["messageType"], request["data"], session)
                except Problem as problem:
                    report["errors"].append(problem.args[0])
                    kind, data = "APIError", {"errorID": problem.args[0], "message": problem.args[1]}
            head = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "timestamp": 0}
            socket.send(json.dumps(head | {"requestID": request["requestID"], "messageType": kind, "data": data}))
    except ConnectionClosed:
        pass
    finally:
        with alone:
            talking.discard(socket)
            alone.notify_all()


if __name__ == "__main__":
    store, deny = Path(sys.argv[2]), sys.argv[3:] == ["deny"]
    with serve(talk, "127.0.0.1", int(sys.argv[1])) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()
