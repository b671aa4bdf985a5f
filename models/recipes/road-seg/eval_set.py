"""Writes the labelled pictures that the gates of road-seg are held against: held-out rendered scenes with exact masks.

Owns: which scenes these are, and the files they are written to. Knows nothing of models.
Invariant: no scene of this set has a seed that training may use, and every picture has both masks.
"""

import argparse
import os

import cv2

import render
import scene

WIDTH, HEIGHT = 480, 270
QUALITY = 80


def write_set(folder, count):
    """Writes pictures as JPEG, and masks of 0 and 255 as PNG, named by the scene's number."""
    os.makedirs(folder, exist_ok=True)
    for i in range(count):
        image, drivable, lanes = render.render(scene.random_scene(scene.HELD_OUT_SEED + i, WIDTH, HEIGHT))
        stem = os.path.join(folder, f"{i:03d}")
        files = [(f"{stem}.jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]),
                 (f"{stem}.drivable.png", drivable * 255, [cv2.IMWRITE_PNG_COMPRESSION, 9]),
                 (f"{stem}.lanes.png", lanes * 255, [cv2.IMWRITE_PNG_COMPRESSION, 9])]
        for path, pixels, options in files:
            assert cv2.imwrite(path, pixels, options), f"{path} was not written"


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Write the labelled pictures of road-seg's gates.")
    parser.add_argument("--out", default=os.path.join(here, "..", "..", "road-seg", "eval"))
    parser.add_argument("--count", type=int, default=24)
    options = parser.parse_args()
    write_set(os.path.normpath(options.out), options.count)
