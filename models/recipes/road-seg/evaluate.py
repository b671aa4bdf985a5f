"""Measures how far the student agrees with the teacher, fp32 and int8 side by side, frame by frame.

Owns: the agreement measure and the report. Knows nothing of training, and decides nothing.
Invariant: bdd100k and tusimple are read here and nowhere else in the recipe.
"""

import argparse
import glob
import json
import os

import cv2
import numpy as np

import dataset
import render
import scene
import teacher

RENDERED_FRAMES = 60


def masks(session, image):
    """Returns (drivable, lanes) boolean masks at 320x320; coarser logits are upsampled before the decision."""
    found = []
    for logits in session.run(None, {session.get_inputs()[0].name: teacher.to_input(image)}):
        margin = logits[0, 1] - logits[0, 0]
        if margin.shape != (teacher.SIDE, teacher.SIDE):
            margin = cv2.resize(margin, (teacher.SIDE, teacher.SIDE), interpolation=cv2.INTER_LINEAR)
        found.append(margin > 0)
    return found


def overlap(wanted, got):
    """Returns intersection over union, or None when nothing was wanted: such a frame has no overlap to measure."""
    return round(float((wanted & got).sum()) / int((wanted | got).sum()), 4) if wanted.any() else None


def held_out_frames(data, sets):
    """Yields (set, name, image, exact drivable mask or None)."""
    patterns = {"bdd100k": "images/bdd100k/*.jpg", "tusimple": "images/tusimple/training_data_example_image_*.png"}
    for group, pattern in patterns.items():
        for path in sorted(glob.glob(os.path.join(data, pattern))) if group in sets else ():
            yield group, os.path.basename(path), cv2.imread(path)[..., ::-1], None
    if "clips" in sets:
        for clip in dataset.CLIPS:
            frames = dataset.decode_clip(os.path.join(data, clip))
            for i, frame in enumerate(dataset.split_clip(frames)[1]):
                number = len(dataset.split_clip(frames)[0]) + i
                yield "clips", f"{os.path.basename(clip)}#{number}", frame, None
    if "rendered" in sets:
        for i in range(RENDERED_FRAMES):
            image, exact, _ = render.render(scene.random_scene(scene.HELD_OUT_SEED + i, 480, 270))
            exact = cv2.resize(exact, (teacher.SIDE, teacher.SIDE), interpolation=cv2.INTER_NEAREST) > 0
            yield "rendered", f"scene {scene.HELD_OUT_SEED + i}", image, exact


def mean(values):
    kept = [value for value in values if value is not None]
    return round(float(np.mean(kept)), 4) if kept else None


def evaluate(files, data, teacher_path, sets):
    """Returns the report for {variant: ONNX file}."""
    wise = teacher.open_teacher(teacher_path)
    students = {name: teacher.open_session(path) for name, path in files.items()}
    rows = []
    for group, name, image, exact in held_out_frames(data, sets):
        wanted = masks(wise, image)
        row = {"set": group, "frame": name, "drivable": {}, "lanes": {}}
        for variant, session in students.items():
            got = masks(session, image)
            for head, want, have in zip(("drivable", "lanes"), wanted, got):
                row[head][variant] = overlap(want, have)
                if not want.any():
                    row.setdefault("pixelsWhereTeacherHasNone", {}).setdefault(head, {})[variant] = int(have.sum())
            if exact is not None:
                row.setdefault("exactDrivable", {})[variant] = overlap(exact, got[0])
        if exact is not None:
            row["exactDrivable"]["teacher"] = overlap(exact, wanted[0])
        rows.append(row)
    means = {}
    for group in sets:
        chosen = [row for row in rows if row["set"] == group]
        means[group] = {"frames": len(chosen)}
        for head in ("drivable", "lanes"):
            means[group][head] = {variant: mean([row[head][variant] for row in chosen]) for variant in files}
        if chosen and "exactDrivable" in chosen[0]:
            means[group]["exactDrivable"] = {key: mean([row["exactDrivable"][key] for row in chosen]) for key in chosen[0]["exactDrivable"]}
    return {"schema": 1, "measure": "intersection over union with the teacher's argmax masks at 320x320", "means": means, "frames": rows}


def main():
    parser = argparse.ArgumentParser(description="Compare the student with the teacher.")
    parser.add_argument("--data", required=True)
    parser.add_argument("--teacher")
    parser.add_argument("--work", required=True)
    parser.add_argument("--sets", nargs="+", default=["bdd100k", "tusimple", "clips", "rendered"])
    parser.add_argument("--out")
    parser.add_argument("files", nargs="+", help="variant=file.onnx")
    options = parser.parse_args()
    files = dict(item.split("=", 1) for item in options.files)
    report = evaluate(files, options.data, teacher.find_teacher(options.teacher, options.work), options.sets)
    print(json.dumps(report["means"], indent=1))
    if options.out:
        with open(options.out, "w") as out:
            head = {key: value for key, value in report.items() if key != "frames"}
            rows = ",\n    ".join(json.dumps(row) for row in report["frames"])
            out.write(json.dumps(head, indent=2)[:-2] + ',\n  "frames": [\n    ' + rows + "\n  ]\n}\n")


if __name__ == "__main__":
    main()
