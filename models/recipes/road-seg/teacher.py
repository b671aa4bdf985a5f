"""Opens the teacher, TwinLiteNet, and asks it for soft labels.

Owns: finding or fetching the teacher and checking its hash. Knows nothing of data sets.
Invariant: no other file than the one named in teacher.json ever teaches.
"""

import hashlib
import json
import os
import urllib.request

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

SIDE = 320
HERE = os.path.dirname(os.path.abspath(__file__))


def find_teacher(path, work):
    """Returns the path of the verified teacher, downloading it into the work folder when no path is given."""
    with open(os.path.join(HERE, "teacher.json")) as file:
        wanted = json.load(file)
    if not path:
        path = os.path.join(work, "twinlitenet.onnx")
        if not os.path.exists(path):
            try:
                urllib.request.urlretrieve(wanted["url"], path + ".part")
            except OSError as reason:
                raise SystemExit(f"The teacher could not be fetched from {wanted['url']} ({reason}): pass --teacher its file.") from reason
            os.replace(path + ".part", path)
    with open(path, "rb") as file:
        received = hashlib.sha256(file.read()).hexdigest()
    if received != wanted["sha256"]:
        raise SystemExit(f"The teacher {path} has sha256 {received}, expected {wanted['sha256']}.")
    return path


def open_session(source, threads=1):
    """Opens any ONNX file, or its bytes, on the CPU without spinning threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def open_teacher(path):
    """Opens the teacher with its vanishing weights set to zero.

    49,785 of the published 440,851 weights are denormal floats (training decayed dead channels), which slows it four times or more
    on a CPU. Zeroing what is below 1e-20 cannot move a logit: the products are far below float32 resolution.
    """
    model = onnx.load(path)
    for weight in model.graph.initializer:
        value = numpy_helper.to_array(weight)
        if value.dtype == np.float32:
            weight.CopyFrom(numpy_helper.from_array(np.where(np.abs(value) < 1e-20, np.float32(0), value), weight.name))
    return open_session(model.SerializeToString())


def to_input(image):
    """Turns an RGB uint8 image of any size into the network's [1,3,320,320] float input by a stretch resize."""
    if image.shape[:2] != (SIDE, SIDE):
        image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None].astype(np.float32) / 255.0)


def class_one(logits):
    """Returns the softmax probability of channel 1 of a two-channel head."""
    return 1.0 / (1.0 + np.exp(logits[:, 0] - logits[:, 1]))


def ask(session, image):
    """Returns the raw logits of both heads (drivable area, lanes), each [2,320,320]."""
    drivable, lanes = session.run(None, {session.get_inputs()[0].name: to_input(image)})
    return drivable[0], lanes[0]
