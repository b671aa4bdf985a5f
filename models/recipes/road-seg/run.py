"""Runs the whole recipe: shards, training, export, quantisation, packaging and evaluation.

Owns: the order of the steps and their settings. Knows nothing of what the steps do.
Invariant: a finished step's file is reused, so that an interrupted run goes on where it stopped.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.normpath(os.path.join(HERE, "..", "..", "road-seg"))


def step(script, *arguments):
    print("+", script, *arguments, flush=True)
    subprocess.run([sys.executable, os.path.join(HERE, script), *arguments], check=True)


def main():
    parser = argparse.ArgumentParser(description="Make road-seg from nothing.")
    parser.add_argument("--data", required=True, help="folder with images/udacity_highway, clips and, for the report, images/bdd100k and images/tusimple")
    parser.add_argument("--teacher", help="twinlitenet.onnx; downloaded and checked when absent")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="scratch folder, some 3 GB")
    parser.add_argument("--out", default=TARGET)
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--steps", type=int, default=3700)
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    os.makedirs(options.out, exist_ok=True)
    common = ["--data", options.data, "--work", options.work] + (["--teacher", options.teacher] if options.teacher else [])
    fp32, int8 = (os.path.join(options.out, f"road-seg-{kind}.onnx") for kind in ("fp32", "int8"))
    step("dataset.py", *common, "--shards", str(options.shards))
    if not os.path.exists(os.path.join(options.work, "student.pt")):
        step("train.py", "--work", options.work, "--steps", str(options.steps))
    step("export.py", "--work", options.work, "--out", fp32)
    step("quantize.py", "--work", options.work, "--source", fp32, "--out", int8)
    step("package.py", "--out", options.out)
    step("evaluate.py", *common, "--out", os.path.join(options.out, "accuracy.json"), f"fp32={fp32}", f"int8={int8}")


if __name__ == "__main__":
    main()
