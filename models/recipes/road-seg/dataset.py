"""Builds the training shards: augmented real views and rendered views, each labelled by the teacher.

Owns: which pictures may be learnt from, and the shard format. Knows nothing of the student.
Invariant: a shard depends on its number alone, and the last fifth of each clip never enters one.
"""

import argparse
import glob
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

import augment
import render
import scene
import teacher

SHARD = 500
STILLS = "images/udacity_highway"
CLIPS = ("clips/lanelines_solidWhiteRight.mp4", "clips/vehicle_test_video.mp4")
HELD_OUT_SHARE = 0.2


def decode_clip(path, width=960, height=540):
    """Returns all frames of a clip as RGB arrays, decoded by ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", f"scale={width}:{height}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return list(np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3))


def split_clip(frames):
    """Splits a clip in time into its training part and its held-out end."""
    cut = int(len(frames) * (1 - HELD_OUT_SHARE))
    return frames[:cut], frames[cut:]


def load_pictures(data):
    """Returns (stills, training clip frames) of the data folder."""
    stills = []
    for path in sorted(glob.glob(os.path.join(data, STILLS, "*.jpg"))):
        image = cv2.imread(path)[..., ::-1]
        width = min(960, image.shape[1])
        stills.append(np.ascontiguousarray(cv2.resize(image, (width, width * image.shape[0] // image.shape[1]), interpolation=cv2.INTER_AREA)))
    if not stills:
        raise SystemExit(f"No stills in {os.path.join(data, STILLS)}: pass --data the folder that holds images/ and clips/.")
    moving = [frame for clip in CLIPS for frame in split_clip(decode_clip(os.path.join(data, clip)))[0]]
    return stills, moving


def soften(drivable, lanes):
    """Packs both heads' probabilities as uint8 [160,160,2], each the mean of a 2x2 block."""
    both = np.stack([teacher.class_one(drivable[None])[0], teacher.class_one(lanes[None])[0]], -1)
    half = both.reshape(160, 2, 160, 2, 2).mean((1, 3))
    return (half * 255 + 0.5).astype(np.uint8)


def build_shard(number, data, teacher_path, out):
    """Writes one shard of 500 views: 300 from real pictures and 200 from 100 rendered scenes."""
    path = os.path.join(out, f"shard-{number:04d}.npz")
    if os.path.exists(path):
        return path
    cv2.setNumThreads(1)
    rng = np.random.default_rng(50_000 + number)
    session = teacher.open_teacher(teacher_path)
    stills, moving = load_pictures(data)
    scenes = []
    for i in range(100):
        width = int(rng.integers(380, 560))
        scenes.append(render.render(scene.random_scene(number * 100 + i, width, width * 9 // 16))[0])
    others = stills + moving[:: 7] + scenes
    pictures = np.zeros((SHARD, 320, 320, 3), np.uint8)
    labels = np.zeros((SHARD, 160, 160, 2), np.uint8)
    for i in range(SHARD):
        if i < 300:
            source = stills[int(rng.integers(len(stills)))] if rng.random() < 0.6 else moving[int(rng.integers(len(moving)))]
            view = augment.make_view(source, others, rng)
        elif i % 2:
            view = augment.make_view(scenes[(i - 300) // 2], others, rng, 0.8)
        else:
            view = cv2.resize(scenes[(i - 300) // 2], (320, 320), interpolation=cv2.INTER_LINEAR)
        pictures[i] = view
        labels[i] = soften(*teacher.ask(session, view))
    np.savez(path + ".part.npz", pictures=pictures, labels=labels)
    os.replace(path + ".part.npz", path)
    return path


def main():
    parser = argparse.ArgumentParser(description="Build training shards.")
    parser.add_argument("--data", required=True)
    parser.add_argument("--teacher")
    parser.add_argument("--work", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    out = os.path.join(options.work, "shards")
    os.makedirs(out, exist_ok=True)
    path = teacher.find_teacher(options.teacher, options.work)
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [pool.submit(build_shard, n, options.data, path, out) for n in range(options.first, options.first + options.shards)]
        for job in jobs:
            print(job.result(), flush=True)


if __name__ == "__main__":
    main()
