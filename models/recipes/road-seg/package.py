"""Writes the manifest and the golden outputs that go with the exported files.

Owns: the published description of the model. Knows nothing of training.
Invariant: sizes and hashes are read from the files as they lie in the folder.
"""

import argparse
import hashlib
import json
import os

import numpy as np
import onnxruntime

import teacher

VARIANTS = (("int8-320", "int8", "road-seg-int8.onnx"), ("fp32-320", "fp32", "road-seg-fp32.onnx"))
VERSION = "1.0.0"
# What redline eval --data models/road-seg/eval gives for each variant, and how much of the fp32 variant's figure a gate asks for.
ACCURACY = {"int8-320": {"drivable-iou": 0.7043, "lane-f": 0.5591}, "fp32-320": {"drivable-iou": 0.7042, "lane-f": 0.5656}}
GATES = (("drivable-iou", 0.65, 0.99), ("lane-f", 0.5, 0.98))
STEP = 0.001
POINTS = 16
# fp32 kernels differ only in summation order. int8 may round a half step the other way in any layer, and each such difference
# is worth one step of a later scale, so its bound follows the largest difference between optimised and plain execution here.
TOLERANCE_FP32 = 0.01
TOLERANCE_INT8_FLOOR = 0.5


def sine_image():
    """Returns the golden input: element i is 0.5 + 0.5 sin(i step), rounded once to float32."""
    flat = 0.5 + 0.5 * np.sin(np.arange(3 * 320 * 320, dtype=np.float64) * STEP)
    return flat.astype(np.float32).reshape(1, 3, 320, 320)


def run_plain(path, image):
    """Runs a file with every graph optimisation off: quantised nodes then compute in float, as no CPU does by default."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"image": image})


def golden_case(folder, identifier, precision, name):
    path, image = os.path.join(folder, name), sine_image()
    optimised, plain = teacher.open_session(path).run(None, {"image": image}), run_plain(path, image)
    outputs = {}
    for head, values, other in zip(("drivable", "lanes"), optimised, plain):
        at = np.linspace(0, values.size - 1, POINTS).astype(int)
        gap = float(np.abs(values - other).max())
        tolerance = TOLERANCE_FP32 if precision == "fp32" else max(TOLERANCE_INT8_FLOOR, round(2 * gap, 2))
        print(f"{identifier} {head}: largest difference to plain execution {gap:.4f}, tolerance {tolerance}, "
              f"range {values.min():.2f} to {values.max():.2f}")
        flat = values.reshape(-1)
        outputs[head] = {"at": at.tolist(), "values": [round(float(flat[i]), 5) for i in at], "tolerance": tolerance}
    return {"variant": identifier, "inputs": {"image": {"fill": "sine", "step": STEP}}, "outputs": outputs}


def describe(folder, identifier, precision, name):
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    return {"id": identifier, "precision": precision, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
            "file": name, "sources": [f"file:{name}"], "accuracy": ACCURACY[identifier]}


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        json.dump(value, out, indent=2)
        out.write("\n")


def main():
    parser = argparse.ArgumentParser(description="Write manifest.json and golden/road-seg.json.")
    parser.add_argument("--out", required=True)
    folder = parser.parse_args().out
    shape = [1, 2, 160, 160]
    write_json(os.path.join(folder, "manifest.json"), {
        "schema": 1, "name": "road-seg", "version": VERSION, "task": "road-segmentation", "licence": "Apache-2.0",
        "provenance": "distilled from TwinLiteNet (MIT) by models/recipes/road-seg",
        "variants": [describe(folder, *variant) for variant in VARIANTS],
        "inputs": [{"name": "image", "dtype": "float32", "shape": [1, 3, 320, 320], "role": "image", "layout": "NCHW", "colour": "RGB",
                    "scale": 0.00392156862745098, "mean": [0, 0, 0], "std": [1, 1, 1], "resize": "stretch"}],
        "outputs": [{"name": "drivable", "dtype": "float32", "shape": shape, "role": "drivable-logits"},
                    {"name": "lanes", "dtype": "float32", "shape": shape, "role": "lane-logits"}],
        "golden": "golden/road-seg.json", "gates": [{"metric": metric, "dataset": "eval", "atLeast": least, "reference": ACCURACY["fp32-320"][metric], "ofReference": share}
                  for metric, least, share in GATES],
        "card": "README.md",
    })
    write_json(os.path.join(folder, "golden", "road-seg.json"), {"schema": 1, "cases": [golden_case(folder, *variant) for variant in VARIANTS]})


if __name__ == "__main__":
    main()
