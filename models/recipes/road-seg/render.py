"""Renders road scenes with exact drivable-area and lane-marking labels.

Owns: the order in which a frame is drawn, its lens and sensor, and the bundled sample drive. Knows nothing of teachers or training.
Invariant: the same scene and time give the same pixels, and every object that hides the road also clears its labels.
"""

import argparse
import json
import math
import os

import cv2
import numpy as np

from ground import draw_ground
from objects import draw_car, draw_item
from scene import FAR_M, drive_scene
from sky import draw_sky
from view import View


def render(scene, time_s=0.0):
    """Returns (RGB uint8 image, drivable uint8 mask, lanes uint8 mask) of a scene at a time."""
    view = View(scene, time_s)
    draw_sky(view)
    draw_ground(view)
    things = []
    for item in scene.scenery:
        z = item.z - view.travel
        depth = item.size[0] if item.kind in ("building", "rail", "barrier", "hedge") else 0
        if z < FAR_M - 20 and z + depth > 1.3:
            things.append((z, None, item))
    for car in scene.cars:
        z = car.z + (car.speed - scene.speed) * time_s
        if 2.0 < z < 150.0:
            things.append((z, car, None))
    things.sort(key=lambda t: -t[0])
    for z, car, item in things:
        if car is not None:
            draw_car(view, car, z, z < 40)
        else:
            draw_item(view, item, z)
    image = finish(view, scene.seed * 7919 + int(round(time_s * 1000)))
    return image, (view.drivable > 0.5).astype(np.uint8), (view.lanes > 0.5).astype(np.uint8)


def finish(view, frame_seed):
    """Applies bonnet, rain, glow, lens, exposure and sensor noise."""
    s, rng = view.scene, np.random.default_rng(frame_seed)
    if s.bonnet > 0:
        xs = np.linspace(0, s.width, 24)
        arc = s.height * (1 - s.bonnet * (1 - ((xs / s.width - 0.5) * 1.7) ** 2 * 0.7))
        pts = [(0, s.height), *zip(xs, arc), (s.width, s.height)]
        view.polygon(pts, np.asarray(s.cars[0].colour if s.cars else (0.1, 0.1, 0.1)) * 0.5, 0.0)
    image = view.image
    if s.light == "night" or s.light == "dusk":
        image = image + cv2.GaussianBlur(view.glow, (0, 0), s.width / 130) + 0.5 * cv2.GaussianBlur(view.glow, (0, 0), s.width / 40)
    if s.wet > 0.5:
        streaks = (rng.random((s.height, s.width)) > 0.9985).astype(np.float32)
        streaks = cv2.GaussianBlur(cv2.filter2D(streaks, -1, np.ones((13, 1), np.float32)), (3, 3), 0)
        image = image + 0.25 * streaks[..., None]
    if abs(s.roll) > 1e-3:
        turn = cv2.getRotationMatrix2D((s.width / 2, s.height / 2), math.degrees(s.roll), 1.0 + abs(s.roll) * 2)
        image = cv2.warpAffine(image, turn, (s.width, s.height), borderMode=cv2.BORDER_REPLICATE)
        view.drivable = cv2.warpAffine(view.drivable, turn, (s.width, s.height), flags=cv2.INTER_NEAREST)
        view.lanes = cv2.warpAffine(view.lanes, turn, (s.width, s.height), flags=cv2.INTER_NEAREST)
    soft = max(s.blur, 0.01) * s.width / 640
    if soft > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), soft)
    xs, ys = np.meshgrid(np.linspace(-1, 1, s.width), np.linspace(-1, 1, s.height))
    image = image * (1 - 0.12 * (xs * xs + ys * ys)).astype(np.float32)[..., None]
    image = image * np.asarray(s.tint, np.float32) * s.gain
    grain = rng.standard_normal((s.height, s.width, 1)) * 0.8 + rng.standard_normal((s.height, s.width, 3)) * 0.45
    image = image + (s.noise_sigma * grain).astype(np.float32)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def write_drive(folder, frames, rate_hz, quality):
    """Writes the bundled sample drive as numbered JPEG files and its manifest beside the folder."""
    os.makedirs(folder, exist_ok=True)
    scene = drive_scene(11, 640, 360, frames / rate_hz * 27.0)
    for i in range(frames):
        image, _, _ = render(scene, i / rate_hz)
        ok = cv2.imwrite(os.path.join(folder, f"{i:06d}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert ok, "the JPEG encoder refused a frame"
    manifest = {"schema": 1, "rateHz": rate_hz, "width": 640, "height": 360, "frames": frames, "licence": "Apache-2.0",
                "madeBy": "models/recipes/road-seg/render.py"}
    with open(folder.rstrip("/") + ".json", "w") as out:
        json.dump(manifest, out, indent=2)
        out.write("\n")


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Render the bundled sample drive.")
    parser.add_argument("--out", default=os.path.join(here, "..", "..", "samples", "drive"))
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--quality", type=int, default=62)
    options = parser.parse_args()
    write_drive(os.path.normpath(options.out), options.frames, 20, options.quality)
