"""Renders road scenes with exact drivable-area and lane-marking labels.

Owns: the procedural world (ground, markings, scenery, traffic, weather, sensor). Knows nothing of teachers or training.
Invariant: the same seed and time give the same pixels, and every object that hides the road also clears its labels.
"""

import argparse
import json
import math
import os
from dataclasses import dataclass, field

import cv2
import numpy as np

NOISE_SIZE = 512
FAR_M = 220.0
# The road's centre line is integrated on this grid of distances ahead of the camera.
GRID_Z = np.arange(0.0, FAR_M + 40.0, 1.0)


def fractal_noise(rng, power):
    """Returns tileable 1/f^power noise with zero mean and unit deviation."""
    spectrum = np.fft.rfft2(rng.standard_normal((NOISE_SIZE, NOISE_SIZE)))
    fy = np.fft.fftfreq(NOISE_SIZE)[:, None]
    fx = np.fft.rfftfreq(NOISE_SIZE)[None, :]
    radius = np.sqrt(fx * fx + fy * fy)
    radius[0, 0] = 1.0
    spectrum /= radius**power
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=(NOISE_SIZE, NOISE_SIZE))
    return (noise / noise.std()).astype(np.float32)


_textures = {}


def texture(index, power):
    """Returns one of a few cached noise tiles; scenes differ by where they read them."""
    key = (index, power)
    if key not in _textures:
        _textures[key] = fractal_noise(np.random.default_rng(1000 + index), power)
    return _textures[key]


def sample(tile, x, y):
    """Reads a noise tile at float coordinates, wrapping round its edges."""
    return cv2.remap(
        tile,
        np.mod(x, NOISE_SIZE).astype(np.float32),
        np.mod(y, NOISE_SIZE).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


@dataclass
class Line:
    """One painted line: lateral position, width, colour and dash (period 0 means solid), all in metres."""

    u: float
    width: float
    colour: tuple
    dash: float = 0.0
    period: float = 0.0


@dataclass
class Scene:
    """Everything that is fixed while a drive lasts; colours are RGB in 0..1."""

    seed: int
    width: int = 640
    height: int = 360
    focal: float = 620.0
    camera_m: float = 1.35
    horizon: float = 0.47
    centre: float = 0.5
    roll: float = 0.0
    kind: str = "highway"
    light: str = "day"
    wet: float = 0.0
    speed: float = 25.0
    lane_m: float = 3.6
    same: int = 2
    opposite: int = 0
    ego: int = 0
    left_edge: float = 0.0
    right_edge: float = 0.0
    shoulder_left: float = 1.0
    shoulder_right: float = 2.5
    kerb: bool = False
    asphalt: tuple = (0.42, 0.42, 0.43)
    verge: tuple = (0.32, 0.38, 0.18)
    walk: tuple = (0.58, 0.57, 0.54)
    sky_top: tuple = (0.35, 0.55, 0.85)
    sky_low: tuple = (0.80, 0.86, 0.92)
    haze_m: float = 400.0
    lines: list = field(default_factory=list)
    curve: list = field(default_factory=list)
    crossing: float = 1e9
    shadow: float = 0.0
    bonnet: float = 0.0
    cars: list = field(default_factory=list)
    scenery: list = field(default_factory=list)
    wear: float = 0.3
    texture_gain: float = 1.0
    noise_sigma: float = 0.012
    blur: float = 0.0
    gain: float = 1.0
    tint: tuple = (1.0, 1.0, 1.0)
    offset: tuple = (0.0, 0.0)


def lay_lanes(scene, rng):
    """Places the camera in its lane and paints the lines that bound the lanes."""
    lane = scene.lane_m
    scene.left_edge = -(scene.ego + 0.5) * lane + rng.uniform(-0.35, 0.35)
    scene.right_edge = scene.left_edge + scene.same * lane
    white = tuple(np.clip(np.array([0.86, 0.86, 0.84]) + rng.uniform(-0.06, 0.06), 0, 1))
    yellow = (0.85, 0.65, 0.18)
    dash, period = [(3.0, 12.0), (3.0, 9.0), (4.0, 12.0), (6.0, 12.0), (2.0, 6.0)][rng.integers(5)]
    width = rng.uniform(0.11, 0.2)
    for i in range(1, scene.same):
        scene.lines.append(Line(scene.left_edge + i * lane, width, white, dash, period))
    left = yellow if (scene.opposite > 0 or rng.random() < 0.55) else white
    if scene.opposite > 0 and rng.random() < 0.6:
        scene.lines.append(Line(scene.left_edge - 0.14, width * 0.9, left))
        scene.lines.append(Line(scene.left_edge + 0.14, width * 0.9, left))
    elif scene.kind != "city" or scene.opposite > 0 or rng.random() < 0.5:
        broken = scene.opposite > 0 and rng.random() < 0.4
        scene.lines.append(Line(scene.left_edge, width, left, dash if broken else 0, period if broken else 0))
    if scene.kind != "city" or rng.random() < 0.35:
        scene.lines.append(Line(scene.right_edge, width, white))
    for i in range(1, scene.opposite):
        scene.lines.append(Line(scene.left_edge - i * lane, width, white, dash, period))
    if scene.opposite > 0 and scene.kind != "city":
        scene.lines.append(Line(scene.left_edge - scene.opposite * lane, width, white))


def place_cars(scene, rng, count):
    """Puts traffic into lanes: [lateral, distance, speed, kind, colour, facing away]."""
    palette = [(0.75, 0.75, 0.77), (0.12, 0.12, 0.13), (0.9, 0.9, 0.9), (0.45, 0.08, 0.07), (0.12, 0.2, 0.42),
               (0.35, 0.36, 0.38), (0.55, 0.5, 0.42), (0.1, 0.25, 0.18)]
    kinds = ["car", "car", "car", "suv", "suv", "van", "truck"]
    for _ in range(count):
        away = scene.opposite == 0 or rng.random() < 0.65
        lanes = scene.same if away else scene.opposite
        index = int(rng.integers(lanes))
        u = scene.left_edge + (index + 0.5) * scene.lane_m if away else scene.left_edge - (index + 0.5) * scene.lane_m
        near = 14.0 if (away and index == scene.ego) else 5.0
        z = near + rng.gamma(1.6, 18.0)
        speed = scene.speed + rng.normal(0, 1.5) if away else -scene.speed
        scene.cars.append([u + rng.normal(0, 0.15), z, speed, kinds[rng.integers(7)], palette[rng.integers(8)], away])
    if scene.kind == "city" and rng.random() < 0.6:
        for side in (-1, 1):
            if rng.random() < 0.35:
                continue
            u = scene.right_edge + 1.1 if side > 0 else scene.left_edge - scene.opposite * scene.lane_m - 1.1
            z = rng.uniform(3, 9)
            while z < 90:
                scene.cars.append([u, z, 0.0, kinds[rng.integers(6)], palette[rng.integers(8)], side > 0])
                z += rng.uniform(5.6, 14) if rng.random() < 0.8 else 30


def place_scenery(scene, rng, length_m):
    """Lists roadside objects as (distance, lateral, kind, dimensions, colour)."""
    right = scene.right_edge + scene.shoulder_right
    left = scene.left_edge - scene.opposite * scene.lane_m - scene.shoulder_left
    end = length_m + FAR_M
    walls = ("none", "rail", "barrier", "hedge")
    for side, edge in ((-1, left), (1, right)):
        wall = walls[rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])] if scene.kind != "city" else "none"
        if wall != "none":
            tone = {"rail": (0.62, 0.63, 0.65), "barrier": (0.66, 0.65, 0.62), "hedge": (0.16, 0.25, 0.1)}[wall]
            tall = {"rail": 0.75, "barrier": rng.uniform(0.8, 1.1), "hedge": rng.uniform(1.2, 4.0)}[wall]
            for z in np.arange(0.0, end, 4.0):
                scene.scenery.append((z, edge + side * 0.5, wall, (4.0, tall), tone))
        if scene.kind == "city":
            z = rng.uniform(-5, 5)
            back = edge + side * rng.uniform(2.5, 7.0)
            while z < end:
                deep = rng.uniform(8, 24)
                if rng.random() < 0.85:
                    base = rng.uniform(0.25, 0.75)
                    tone = tuple(np.clip(base + rng.normal(0, 0.07, 3) + np.array([0.05, 0, -0.05]), 0.05, 0.95))
                    tall = rng.gamma(3.0, 4.0) + 4.0
                    setback = side * rng.uniform(0, 2)
                    scene.scenery.append((z, back + setback, "building", (deep, tall), tone))
                z += deep + (0 if rng.random() < 0.7 else rng.uniform(2, 14))
        trees = rng.choice([0.0, 0.03, 0.08, 0.18]) if scene.kind == "city" else rng.choice([0.02, 0.08, 0.2, 0.4])
        for _ in range(int(trees * end)):
            z = rng.uniform(0, end)
            away = 1.2 if scene.kind == "city" else 3.0 + rng.gamma(1.5, 7.0)
            green = np.array([0.15, 0.24, 0.09]) * rng.uniform(0.6, 1.6) + rng.normal(0, 0.02, 3)
            size = (rng.uniform(1.5, 3.5), rng.uniform(3.5, 9.0))
            scene.scenery.append((z, edge + side * away, "tree", size, tuple(np.clip(green, 0.02, 0.8))))
        step = rng.choice([0, 25, 40])
        if step:
            lit = scene.light == "night"
            for z in np.arange(rng.uniform(0, step), end, step):
                scene.scenery.append((z, edge + side * 1.0, "lamp" if lit else "pole", (0.16, 8.0), (0.3, 0.3, 0.31)))
        for _ in range(int(rng.integers(0, 4))):
            tone = [(0.08, 0.35, 0.18), (0.85, 0.85, 0.83), (0.75, 0.1, 0.1), (0.1, 0.25, 0.6)][rng.integers(4)]
            scene.scenery.append((rng.uniform(10, end), edge + side * 1.6, "sign", (rng.uniform(0.6, 2.4), 3.2), tone))
        if scene.kind == "city":
            for _ in range(int(rng.integers(0, 5))):
                tone = tuple(rng.uniform(0.05, 0.6, 3))
                scene.scenery.append((rng.uniform(6, 70), edge + side * rng.uniform(0.3, 2), "walker", (0.5, 1.75), tone))
    if scene.kind == "highway" and rng.random() < 0.3:
        scene.scenery.append((rng.uniform(50, end), 0.0, "gantry", (right - left + 4, 6.0), (0.5, 0.5, 0.5)))
    scene.scenery.sort(key=lambda item: -item[0])


def random_scene(seed, width=640, height=360):
    """Draws a domain-randomised scene for training."""
    rng = np.random.default_rng(seed)
    scene = Scene(seed=seed, width=width, height=height)
    scene.kind = ["city", "highway", "rural"][rng.choice(3, p=[0.5, 0.32, 0.18])]
    scene.light = ["day", "overcast", "dusk", "night"][rng.choice(4, p=[0.38, 0.27, 0.12, 0.23])]
    scene.wet = rng.uniform(0.3, 1.0) if rng.random() < 0.18 else 0.0
    scene.focal = width * rng.uniform(0.75, 1.35)
    scene.camera_m = rng.uniform(1.15, 1.7)
    scene.horizon = rng.uniform(0.34, 0.6)
    scene.centre = 0.5 + rng.normal(0, 0.05)
    scene.roll = rng.normal(0, 0.012)
    scene.lane_m = rng.uniform(3.0, 3.8)
    scene.same = int(rng.choice([1, 2, 3, 4], p=[0.3, 0.35, 0.25, 0.1]))
    chance = {"city": 0.75, "highway": 0.15, "rural": 0.9}[scene.kind]
    scene.opposite = int(rng.integers(1, 3)) if rng.random() < chance else 0
    scene.ego = int(rng.integers(scene.same))
    scene.kerb = scene.kind == "city"
    scene.shoulder_left = rng.uniform(0.2, 1.8)
    scene.shoulder_right = rng.uniform(0.2, 3.2) if not scene.kerb else float(rng.choice([0.3, 2.2, 2.5]))
    grey = rng.uniform(0.2, 0.62)
    scene.asphalt = tuple(np.clip(grey + rng.normal(0, 0.015, 3) + rng.uniform(0, 0.05) * np.array([1, 0.4, -0.6]), 0.05, 0.8))
    greens = np.array([[0.30, 0.38, 0.16], [0.46, 0.42, 0.26], [0.22, 0.28, 0.12], [0.5, 0.47, 0.42], [0.6, 0.56, 0.45]])
    scene.verge = tuple(np.clip(greens[rng.integers(5)] + rng.normal(0, 0.03, 3), 0.03, 0.9))
    scene.walk = tuple(np.clip(rng.uniform(0.35, 0.72) + rng.normal(0, 0.02, 3), 0.1, 0.9))
    bend = {"city": 0.0015, "highway": 0.0012, "rural": 0.005}[scene.kind]
    scene.curve = [(rng.normal(0, bend), rng.uniform(60, 300), rng.uniform(0, 6.28)) for _ in range(3)]
    paint_sky(scene, rng)
    lay_lanes(scene, rng)
    if scene.kind == "city" and rng.random() < 0.25:
        scene.lines = []
    if scene.kind == "city" and rng.random() < 0.4:
        scene.crossing = rng.uniform(8, 60)
    scene.shadow = rng.uniform(0.3, 0.65) if scene.light == "day" and rng.random() < 0.6 else 0.0
    scene.bonnet = rng.uniform(0.03, 0.14) if rng.random() < 0.3 else 0.0
    scene.wear = rng.uniform(0.0, 0.7)
    scene.texture_gain = rng.uniform(0.5, 1.8)
    scene.noise_sigma = rng.uniform(0.004, 0.03) * (1.8 if scene.light == "night" else 1.0)
    scene.blur = rng.uniform(0.0, 0.9)
    scene.gain = rng.uniform(0.75, 1.25)
    scene.tint = tuple(1 + rng.normal(0, 0.05, 3))
    scene.offset = tuple(rng.uniform(0, NOISE_SIZE, 2))
    place_cars(scene, rng, int(rng.integers(0, 9)))
    place_scenery(scene, rng, 0.0)
    return scene


def paint_sky(scene, rng):
    """Chooses the sky and the haze that go with the light."""
    if scene.light == "day":
        scene.sky_top, scene.sky_low = (0.28, 0.5, 0.84), (0.78, 0.86, 0.94)
    elif scene.light == "overcast":
        base = rng.uniform(0.55, 0.85)
        scene.sky_top, scene.sky_low = (base * 0.93, base * 0.96, base), (base * 1.08,) * 3
    elif scene.light == "dusk":
        scene.sky_top, scene.sky_low = (0.28, 0.32, 0.5), (0.9, 0.62, 0.42)
    else:
        scene.sky_top, scene.sky_low = (0.02, 0.02, 0.04), (0.07, 0.06, 0.07)
    scene.haze_m = rng.uniform(150, 700) if scene.light != "night" else 900.0


def drive_scene(seed, width, height, length_m):
    """Builds the bundled sample drive: a sunny three-lane highway with traffic and long bends."""
    rng = np.random.default_rng(seed)
    scene = Scene(seed=seed, width=width, height=height)
    scene.focal, scene.camera_m, scene.horizon = width * 0.95, 1.4, 0.48
    scene.same, scene.ego, scene.lane_m, scene.speed = 3, 1, 3.6, 27.0
    scene.asphalt, scene.verge = (0.47, 0.465, 0.455), (0.42, 0.40, 0.23)
    scene.shoulder_left, scene.shoulder_right = 1.4, 2.8
    scene.curve = [(0.0016, 210.0, 0.4), (0.0008, 95.0, 1.0), (0.0005, 60.0, 2.0)]
    lay_lanes(scene, rng)
    for line in scene.lines:
        if line.u == scene.left_edge:
            line.colour = (0.86, 0.68, 0.2)
        line.width = 0.17
    scene.shadow = 0.35
    scene.haze_m, scene.blur, scene.noise_sigma, scene.wear = 420.0, 0.45, 0.007, 0.1
    scene.cars = [
        [scene.left_edge + 0.5 * 3.6, 24.0, 27.9, "suv", (0.72, 0.73, 0.75), True],
        [scene.left_edge + 1.5 * 3.6, 44.0, 26.4, "car", (0.1, 0.1, 0.11), True],
        [scene.left_edge + 2.5 * 3.6, 17.0, 25.7, "car", (0.45, 0.08, 0.07), True],
        [scene.left_edge + 2.5 * 3.6, 75.0, 24.2, "truck", (0.88, 0.88, 0.87), True],
        [scene.left_edge + 0.5 * 3.6, 95.0, 28.5, "car", (0.14, 0.22, 0.42), True],
    ]
    place_scenery(scene, rng, length_m)
    return scene


class View:
    """One frame being drawn: projection, pixels and labels."""

    def __init__(self, scene, time_s):
        self.scene, self.time_s = scene, time_s
        self.travel = scene.speed * time_s
        self.f, self.cx, self.yh = scene.focal, scene.width * scene.centre, scene.height * scene.horizon
        bend = sum(a * np.sin((GRID_Z + self.travel) / l + p) for a, l, p in scene.curve) if scene.curve else 0 * GRID_Z
        self.bend = np.cumsum(np.cumsum(bend))
        self.drift = 0.18 * math.sin(0.7 * time_s + scene.seed)
        self.image = np.zeros((scene.height, scene.width, 3), np.float32)
        self.drivable = np.zeros((scene.height, scene.width), np.float32)
        self.lanes = np.zeros((scene.height, scene.width), np.float32)
        self.glow = np.zeros_like(self.image)

    def centre(self, z):
        return np.interp(z, GRID_Z, self.bend) - self.drift

    def project(self, u, height, z):
        z = max(z, 0.6)
        return (self.cx + self.f * (float(self.centre(z)) + u) / z, self.yh + self.f * (self.scene.camera_m - height) / z)

    def haze(self, colour, z):
        share = math.exp(-z / self.scene.haze_m)
        return np.asarray(colour) * share + np.asarray(self.scene.sky_low) * (1 - share)

    def lit(self, z):
        return 1.0 if self.scene.light != "night" else 0.10 + 0.55 * math.exp(-z / 18.0)

    def polygon(self, points, colour, z, emits=False, hides=True):
        pts = np.round(np.clip(np.asarray(points, np.float64), -4e3, 4e3) * 8).astype(np.int32)
        tone = np.asarray(colour, np.float64) * (1.0 if emits else self.lit(z))
        tone = self.haze(tone, z)
        cv2.fillPoly(self.image, [pts], tuple(float(c) for c in tone), cv2.LINE_AA, 3)
        if hides:
            cv2.fillPoly(self.drivable, [pts], 0.0, cv2.LINE_8, 3)
            cv2.fillPoly(self.lanes, [pts], 0.0, cv2.LINE_8, 3)

    def box(self, u0, u1, y0, y1, z, colour, emits=False, hides=True):
        x0, yb = self.project(u0, y0, z)
        x1, yt = self.project(u1, y1, z)
        self.polygon([(x0, yb), (x1, yb), (x1, yt), (x0, yt)], colour, z, emits, hides)


def draw_sky(view):
    """Fills the sky, the clouds and the far hills."""
    s = view.scene
    rows = np.arange(s.height, dtype=np.float32)[:, None]
    share = np.clip(rows / max(view.yh, 1), 0, 1) ** 1.3
    sky = np.asarray(s.sky_top) * (1 - share[..., None]) + np.asarray(s.sky_low) * share[..., None]
    view.image[:] = sky
    xs, ys = np.meshgrid(np.arange(s.width, dtype=np.float32), np.arange(s.height, dtype=np.float32))
    shift = view.bend[60] * 1.5 + s.offset[0]
    cloud = sample(texture(0, 1.7), xs * 0.5 + shift, ys * 1.6 + s.offset[1])
    cover = np.clip((cloud + (0.1 if s.light == "overcast" else -0.3)) * 0.6, 0, 1) * (0.8 if s.light != "night" else 0.05)
    view.image += (np.asarray(s.sky_low) * 1.05 - view.image) * (cover * (1 - share * 0.6))[..., None]
    columns = np.arange(s.width, dtype=np.float32)
    scale = 0.06 if s.kind != "city" else 0.04
    for layer, tone in ((1, 0.62), (2, 0.42)):
        ridge = sample(texture(layer, 1.6), columns[None] * 0.35 + shift * layer, np.full((1, s.width), s.offset[1] + 9 * layer, np.float32))[0]
        top = view.yh - s.height * scale * (0.55 + 0.4 * ridge) / layer
        mask = (ys >= top[None]) & (ys < view.yh + 2)
        leaf = sample(texture(3, 0.9), xs * 2.1 + shift * 4, ys * 2.1)
        colour = np.asarray([0.30, 0.36, 0.30]) * tone * (1.0 if s.light != "night" else 0.08)
        colour = colour + (np.asarray(s.sky_low) - colour) * (0.5 / layer)
        view.image[mask] = (colour * (1 + 0.22 * leaf[mask][:, None]))


def draw_ground(view):
    """Paints asphalt, verges, kerbs and markings, and writes the exact labels."""
    s = view.scene
    top = int(max(math.floor(view.yh) + 1, 0))
    if top >= s.height - 4:
        return
    xs, ys = np.meshgrid(np.arange(s.width, dtype=np.float32), np.arange(top, s.height, dtype=np.float32))
    z = view.f * s.camera_m / np.maximum(ys + 0.5 - view.yh, 0.25)
    inside = z < FAR_M * 3
    zc = np.minimum(z, FAR_M)
    u = (xs - view.cx) * z / view.f - np.interp(zc[:, 0], GRID_Z, view.bend).astype(np.float32)[:, None] + view.drift
    v = z + view.travel
    across = z / view.f
    along = z * z / (view.f * s.camera_m)

    def grain(index, power, su, sv, cell):
        fade = np.clip(cell / np.maximum(along, 1e-3), 0.0, 1.0)
        return sample(texture(index, power), u * su + s.offset[0], v * sv + s.offset[1]) * fade

    coarse, fine, streak = grain(1, 1.5, 6, 2.0, 6.0), grain(2, 0.6, 45, 22, 0.12), grain(3, 1.1, 30, 0.8, 8.0)
    gain = s.texture_gain
    road = np.asarray(s.asphalt, np.float32) * (1 + gain * (0.055 * coarse + 0.05 * fine + 0.035 * streak))[..., None]
    lane_pos = np.mod((u - s.left_edge) / s.lane_m, 1.0)
    tracks = np.exp(-((np.abs(lane_pos - 0.5) - 0.24) / 0.08) ** 2) - 0.6 * np.exp(-((lane_pos - 0.5) / 0.08) ** 2)
    road *= (1 - 0.05 * gain * tracks)[..., None]
    crack = np.exp(-(grain(4, 1.4, 9, 5, 3.0) / 0.035) ** 2) * np.clip(2.0 / along, 0, 1) * np.clip(coarse, 0, 1)
    road *= (1 - 0.2 * gain * crack)[..., None]

    opposite_edge = s.left_edge - s.opposite * s.lane_m
    left, right = opposite_edge - s.shoulder_left, s.right_edge + s.shoulder_right
    beyond = np.maximum(left - u, u - right)
    cover = np.clip(beyond / across + 0.5, 0, 1)[..., None]
    soil = np.asarray(s.verge, np.float32) * (1 + 0.16 * grain(5, 1.0, 18, 9, 1.5) + 0.12 * fine + 0.12 * coarse)[..., None]
    if s.kerb:
        joint = 1 - 0.15 * (np.mod(v, 1.5) < 0.06) * np.clip(0.3 / along, 0, 1)
        walk = np.asarray(s.walk, np.float32) * (joint * (1 + 0.06 * coarse + 0.04 * fine))[..., None]
        soil = np.where((beyond > 5.0)[..., None], soil, walk)
        edge = np.clip((0.18 - np.abs(beyond - 0.09)) / across + 0.5, 0, 1)[..., None]
        soil = soil * (1 - edge) + np.asarray(s.walk, np.float32) * 1.15 * edge
        gutter = np.clip((0.2 - np.abs(beyond + 0.2)) / across + 0.5, 0, 1)[..., None]
        road *= 1 - 0.2 * gutter
    ground = road * (1 - cover) + soil * cover
    if s.crossing < 1e8:
        ahead = s.crossing - view.travel
        street = (z > ahead + 5.0) & (z < ahead + 17.0)
        ground = np.where(street[..., None], road, ground)

    drivable = ((u > s.left_edge) & (u < s.right_edge) & inside & (z < 160.0)).astype(np.float32)
    lanes = np.zeros_like(u)
    worn = np.clip(1.0 - s.wear * (0.45 + 0.5 * grain(6, 1.2, 22, 7, 2.0)), 0.15, 1.0)
    for line in s.lines:
        distance = np.abs(u - line.u)
        paint = np.clip((line.width / 2 - distance) / across + 0.5, 0, 1) * np.minimum(1.0, line.width / across * 1.2)
        if line.period > 0:
            phase = np.mod(v, line.period)
            gap = np.minimum(phase, line.period - phase)
            on = np.clip((line.dash / 2 - gap) / np.maximum(along, 0.05) + 0.5, 0, 1)
            duty = line.dash / line.period
            blurred = np.clip(along / line.period, 0, 1)
            paint = paint * (on * (1 - blurred) + duty * blurred)
        if s.crossing < 1e8:
            paint = paint * ~((z > s.crossing - view.travel - 1.0) & (z < s.crossing - view.travel + 17.0))
        strength = (paint * worn)[..., None]
        ground = ground * (1 - strength) + np.asarray(line.colour, np.float32) * strength
        # The teacher's data draws a line through the gaps of a dashed marking and gives it some width on screen.
        half = np.maximum(line.width * 0.65, across * s.width / 640.0 * 1.6)
        lanes = np.maximum(lanes, ((distance < half) & (z < 90.0)).astype(np.float32))
    if s.crossing < 1e8:
        ahead = s.crossing - view.travel
        zebra = (z > ahead + 0.8) & (z < ahead + 3.8) & (np.mod(u, 1.1) < 0.55) & (beyond < 0) & (along < 3)
        stop = (z > ahead - 0.7) & (z < ahead - 0.2) & (u > s.left_edge) & (u < s.right_edge) & (along < 2)
        mark = ((zebra | stop) * worn)[..., None] * 0.9
        ground = ground * (1 - mark) + 0.85 * mark
    ground = shade_ground(view, ground, u, v, z, grain)
    share = np.exp(-z / s.haze_m)[..., None]
    ground = ground * share + np.asarray(s.sky_low, np.float32) * (1 - share)
    view.image[top:] = ground
    view.drivable[top:] = drivable
    view.lanes[top:] = lanes


def shade_ground(view, ground, u, v, z, grain):
    """Adds tree shadows, headlights and wet reflections to the ground."""
    s = view.scene
    if s.shadow > 0:
        blobs = np.clip((grain(7, 1.5, 9, 4.5, 8.0) + 0.3 * grain(2, 0.9, 30, 20, 0.8) - 0.35) * 3, 0, 1)
        reach = np.clip((u - (s.right_edge - 1.5 * s.lane_m) + 2.5 * np.sin(v * 0.12 + s.offset[0])) / 2.0, 0, 1)
        if s.seed % 2:
            reach = 1 - reach
        ground = ground * (1 - s.shadow * blobs * reach)[..., None]
    if s.light == "night":
        cone = np.exp(-((u / (2.2 + 0.16 * z)) ** 2)) * np.clip(z / 6, 0.25, 1) * np.exp(-z / 26.0)
        ground = ground * (0.10 + 1.05 * cone)[..., None] * np.array([1.05, 1.0, 0.9], np.float32)
        if s.kind == "city":
            pools = np.clip(np.cos(v * 2 * np.pi / 30.0), 0, 1) ** 2
            ground = ground * (1 + 1.4 * pools)[..., None]
    elif s.light == "dusk":
        ground = ground * np.array([0.62, 0.52, 0.5], np.float32)
    elif s.light == "overcast":
        ground = ground * 0.85
    if s.wet > 0:
        sheen = s.wet * np.clip(0.35 + 0.5 * sample(texture(8, 1.4), u * 5, v * 3), 0, 1) * np.clip(z / 30, 0.1, 0.8)
        ground = ground * (1 - 0.3 * s.wet)
        ground = ground + (np.asarray(s.sky_low, np.float32) - ground) * (0.6 * sheen)[..., None]
    return ground


def draw_car(view, car, z, detail):
    """Draws one vehicle as a shaded box with a cabin, windows, wheels and lights."""
    u, _, _, kind, colour, away = car
    width, low, high, length = {"car": (1.8, 0.85, 1.42, 4.4), "suv": (1.9, 1.05, 1.75, 4.6), "van": (2.0, 1.2, 2.1, 5.0),
                                "truck": (2.5, 3.6, 3.6, 10.0)}[kind]
    half, far = width / 2, z + length
    tone = np.asarray(colour)
    shade = np.array([view.project(u + a, 0.0, b) for a, b in ((-half - 0.2, z - 0.3), (half + 0.2, z - 0.3), (half + 0.3, far), (-half - 0.3, far))])
    view.polygon(shade, np.asarray(view.scene.asphalt) * 0.35, z)
    side = -half if view.centre(z) + u > 0 else half
    lean = 1.0 if high == low else 0.8
    for y0, y1, a, b, top, k in ((0.3, low, z, far, 1.0, 0.6), (low, high, z + 0.1, far - 1.3, lean, 0.25)):
        quad = [view.project(u + side, y0, a), view.project(u + side * top, y1, a + 0.4 * (1 - top) * 5),
                view.project(u + side * top, y1, b - (1 - top) * 4), view.project(u + side, y0, b)]
        view.polygon(quad, tone * k, z)
    for wheel in (0.9, length - 0.9):
        x, y = view.project(u + side, 0.32, z + wheel)
        r = view.f * 0.32 / (z + wheel)
        hub = [(x + 0.45 * r * math.cos(t), y + r * math.sin(t)) for t in np.linspace(0, 6.28, 10)]
        view.polygon(hub, (0.04, 0.04, 0.04), z)
    view.box(u - half + 0.08, u - half + 0.35, 0.0, 0.45, z, (0.03, 0.03, 0.03))
    view.box(u + half - 0.35, u + half - 0.08, 0.0, 0.45, z, (0.03, 0.03, 0.03))
    view.box(u - half, u + half, 0.28, low, z, tone)
    view.box(u - half, u + half, 0.28, 0.5, z, tone * 0.45)
    if high > low:
        pts = [view.project(u - half, low, z), view.project(u + half, low, z), view.project(u + half * 0.78, high, z + 0.6), view.project(u - half * 0.78, high, z + 0.6)]
        view.polygon(pts, tone * 0.92, z)
        pts = [view.project(u - half * 0.84, low + 0.05, z), view.project(u + half * 0.84, low + 0.05, z),
               view.project(u + half * 0.68, high - 0.1, z + 0.5), view.project(u - half * 0.68, high - 0.1, z + 0.5)]
        view.polygon(pts, (0.13, 0.16, 0.19), z)
    dark = view.scene.light in ("night", "dusk")
    lamp = ((0.75, 0.06, 0.04) if away else (1.0, 0.97, 0.85)) if dark or away else (0.85, 0.86, 0.86)
    for sign in (-1, 1):
        a = u + sign * (half - 0.28)
        view.box(a - 0.16, a + 0.16, low - 0.28, low - 0.06, z, lamp, emits=dark)
        if dark:
            x, y = view.project(a, low - 0.17, z)
            radius = max(2.0, view.f * (0.35 if away else 0.7) / z)
            cv2.circle(view.glow, (int(np.clip(x, -999, 9999)), int(np.clip(y, -999, 9999))), int(radius), tuple(0.6 * c for c in lamp), -1)
    if detail:
        view.box(u - 0.25, u + 0.25, 0.5, 0.64, z, (0.8, 0.8, 0.75))


def draw_building(view, item, z):
    """Draws the street side and the near end of one building, with windows."""
    _, u, _, (deep, tall), tone = item
    far, rng = z + deep, np.random.default_rng(int(abs(item[0] * 97 + u * 13)) + view.scene.seed)
    near = max(z, 1.5)
    if far <= near:
        return
    tone = np.asarray(tone)
    out = 14.0 if u > 0 else -14.0
    pts = [view.project(u, 0, near), view.project(u, tall, near), view.project(u + out, tall, near), view.project(u + out, 0, near)]
    view.polygon(pts, tone * 0.75, near)
    cuts = np.linspace(near, far, 5)
    for a, b in zip(cuts[:-1], cuts[1:]):
        pts = [view.project(u, 0, a), view.project(u, tall, a), view.project(u, tall, b), view.project(u, 0, b)]
        view.polygon(pts, tone, (a + b) / 2)
    if near > 90:
        return
    bay, floor = rng.uniform(2.2, 4.0), rng.uniform(2.9, 3.8)
    night = view.scene.light == "night"
    for i in range(int(deep / bay)):
        a = z + (i + 0.2) * bay
        if a < 1.5:
            continue
        for j in range(min(int(tall / floor), 7)):
            lit = night and rng.random() < 0.3
            glass = np.array([0.9, 0.75, 0.4]) if lit else np.array([0.14, 0.17, 0.2]) * rng.uniform(0.6, 2.0)
            y0, y1 = j * floor + 0.8, j * floor + 2.4
            pts = [view.project(u, y, b) for b, y in ((a, y0), (a, y1), (a + bay * 0.6, y1), (a + bay * 0.6, y0))]
            view.polygon(pts, glass, a, emits=lit, hides=False)


def draw_item(view, item, z):
    """Draws one roadside object at distance z."""
    base, u, kind, (size, tall), tone = item
    near = max(z, 1.2)
    tone = np.asarray(tone)
    rng = np.random.default_rng(int(base * 131 + u * 17) % 100003 + view.scene.seed)
    if kind == "building":
        draw_building(view, item, z)
    elif kind in ("rail", "barrier", "hedge"):
        low, tint = (0.4 if kind == "rail" else 0.0), tone * rng.uniform(0.9, 1.1)
        pts = [view.project(u, low, near), view.project(u, tall, near), view.project(u, tall, z + size), view.project(u, low, z + size)]
        view.polygon(pts, tint, near)
        if kind == "rail":
            view.box(u - 0.06, u + 0.06, 0.0, tall, near, tone * 0.6)
    elif kind == "tree":
        view.box(u - 0.14, u + 0.14, 0.0, tall * 0.5, near, (0.16, 0.12, 0.09))
        for _ in range(26 if z < 60 else 9):
            a, b = rng.normal(0, 0.45) * size, tall * 0.68 + rng.normal(0, 0.16) * tall
            x, y = view.project(u + a, b, near)
            r = view.f * size * rng.uniform(0.16, 0.42) / near
            blob = [(x + r * math.cos(t) * rng.uniform(0.8, 1.2), y + r * math.sin(t) * rng.uniform(0.8, 1.2)) for t in np.linspace(0, 6.28, 9)]
            view.polygon(blob, tone * rng.uniform(0.55, 1.45), near)
    elif kind in ("pole", "lamp"):
        view.box(u - size / 2, u + size / 2, 0.0, tall, near, tone)
        reach = -2.2 if u > 0 else 2.2
        view.box(min(u, u + reach), max(u, u + reach), tall - 0.1, tall + 0.05, near, tone)
        if kind == "lamp":
            x, y = view.project(u + reach, tall, near)
            if abs(x) < 4000 and abs(y) < 4000:
                cv2.circle(view.glow, (int(x), int(y)), max(2, int(view.f * 0.5 / near)), (1.0, 0.85, 0.55), -1)
    elif kind == "sign":
        view.box(u - 0.05, u + 0.05, 0.0, tall, near, (0.45, 0.45, 0.46))
        view.box(u - size / 2, u + size / 2, tall - size * 0.7, tall, near, tone)
    elif kind == "walker":
        view.box(u - 0.2, u + 0.2, 0.0, 0.85, near, tone * 0.6)
        view.box(u - 0.25, u + 0.25, 0.85, 1.48, near, tone)
        view.box(u - 0.11, u + 0.11, 1.5, 1.76, near, (0.55, 0.4, 0.32))
    elif kind == "gantry":
        view.box(u - size / 2, u - size / 2 + 0.4, 0.0, tall, near, tone)
        view.box(u + size / 2 - 0.4, u + size / 2, 0.0, tall, near, tone)
        view.box(u - size / 2, u + size / 2, tall - 0.4, tall, near, tone)
        view.box(u - 3.0, u + 2.0, tall - 0.5, tall + 1.8, near, (0.06, 0.33, 0.18))


def finish(view, frame_seed):
    """Applies bonnet, rain, glow, lens, exposure and sensor noise."""
    s, rng = view.scene, np.random.default_rng(frame_seed)
    if s.bonnet > 0:
        xs = np.linspace(0, s.width, 24)
        arc = s.height * (1 - s.bonnet * (1 - ((xs / s.width - 0.5) * 1.7) ** 2 * 0.7))
        pts = [(0, s.height), *zip(xs, arc), (s.width, s.height)]
        view.polygon(pts, np.asarray(s.cars[0][4] if s.cars else (0.1, 0.1, 0.1)) * 0.5, 0.0)
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


def render(scene, time_s=0.0):
    """Returns (RGB uint8 image, drivable uint8 mask, lanes uint8 mask) of a scene at a time."""
    view = View(scene, time_s)
    draw_sky(view)
    draw_ground(view)
    things = []
    for item in scene.scenery:
        z = item[0] - view.travel
        if z < FAR_M - 20 and z + (item[3][0] if item[2] in ("building", "rail", "barrier", "hedge") else 0) > 1.3:
            things.append((z, None, item))
    for car in scene.cars:
        z = car[1] + (car[2] - scene.speed) * time_s
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
