"""What stands where in a drive: the road, its paint, its traffic, its surroundings, its light and its camera.

Owns: drawing scenes from a seed. Knows nothing of pixels or labels.
Invariant: the same seed gives the same scene; whatever is random is drawn here, in a fixed order, or from the scene's seed.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from noise import NOISE_SIZE

# The road is drawn, and things stand beside it, up to this distance ahead of the camera.
FAR_M = 220.0
# Scenes from this seed on are only for evaluation.
HELD_OUT_SEED = 900_000


@dataclass
class Line:
    """One painted line: lateral position, width, colour and dash (period 0 means solid), all in metres."""

    u: float
    width: float
    colour: tuple
    dash: float = 0.0
    period: float = 0.0


class Car(NamedTuple):
    """A vehicle at time 0: its middle and its rear or front in metres, its speed in m/s (negative: it comes towards us)."""

    u: float
    z: float
    speed: float
    kind: str
    colour: tuple
    away: bool


class Item(NamedTuple):
    """Something beside the road, at time 0; its size is (width, height), for walls and buildings (depth, height)."""

    z: float
    u: float
    kind: str
    size: tuple
    colour: tuple


@dataclass
class Scene:
    """Everything that is fixed while a drive lasts; colours are RGB in 0..1.

    Two coordinates lie on the ground, both in metres: u to the right of the camera's path along the bending road,
    and z ahead of the camera.
    """

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
        Car(scene.left_edge + 0.5 * 3.6, 24.0, 27.9, "suv", (0.72, 0.73, 0.75), True),
        Car(scene.left_edge + 1.5 * 3.6, 44.0, 26.4, "car", (0.1, 0.1, 0.11), True),
        Car(scene.left_edge + 2.5 * 3.6, 17.0, 25.7, "car", (0.45, 0.08, 0.07), True),
        Car(scene.left_edge + 2.5 * 3.6, 75.0, 24.2, "truck", (0.88, 0.88, 0.87), True),
        Car(scene.left_edge + 0.5 * 3.6, 95.0, 28.5, "car", (0.14, 0.22, 0.42), True),
    ]
    place_scenery(scene, rng, length_m)
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
    """Puts traffic into lanes, and parked cars along a city's kerbs."""
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
        scene.cars.append(Car(u + rng.normal(0, 0.15), z, speed, kinds[rng.integers(7)], palette[rng.integers(8)], away))
    if scene.kind == "city" and rng.random() < 0.6:
        for side in (-1, 1):
            if rng.random() < 0.35:
                continue
            u = scene.right_edge + 1.1 if side > 0 else scene.left_edge - scene.opposite * scene.lane_m - 1.1
            z = rng.uniform(3, 9)
            while z < 90:
                scene.cars.append(Car(u, z, 0.0, kinds[rng.integers(6)], palette[rng.integers(8)], side > 0))
                z += rng.uniform(5.6, 14) if rng.random() < 0.8 else 30


def place_scenery(scene, rng, length_m):
    """Lines the road with walls, buildings, trees, posts, signs and people, farthest first."""
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
                scene.scenery.append(Item(z, edge + side * 0.5, wall, (4.0, tall), tone))
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
                    scene.scenery.append(Item(z, back + setback, "building", (deep, tall), tone))
                z += deep + (0 if rng.random() < 0.7 else rng.uniform(2, 14))
        trees = rng.choice([0.0, 0.03, 0.08, 0.18]) if scene.kind == "city" else rng.choice([0.02, 0.08, 0.2, 0.4])
        for _ in range(int(trees * end)):
            z = rng.uniform(0, end)
            away = 1.2 if scene.kind == "city" else 3.0 + rng.gamma(1.5, 7.0)
            green = np.array([0.15, 0.24, 0.09]) * rng.uniform(0.6, 1.6) + rng.normal(0, 0.02, 3)
            size = (rng.uniform(1.5, 3.5), rng.uniform(3.5, 9.0))
            scene.scenery.append(Item(z, edge + side * away, "tree", size, tuple(np.clip(green, 0.02, 0.8))))
        step = rng.choice([0, 25, 40])
        if step:
            lit = scene.light == "night"
            for z in np.arange(rng.uniform(0, step), end, step):
                scene.scenery.append(Item(z, edge + side * 1.0, "lamp" if lit else "pole", (0.16, 8.0), (0.3, 0.3, 0.31)))
        for _ in range(int(rng.integers(0, 4))):
            tone = [(0.08, 0.35, 0.18), (0.85, 0.85, 0.83), (0.75, 0.1, 0.1), (0.1, 0.25, 0.6)][rng.integers(4)]
            scene.scenery.append(Item(rng.uniform(10, end), edge + side * 1.6, "sign", (rng.uniform(0.6, 2.4), 3.2), tone))
        if scene.kind == "city":
            for _ in range(int(rng.integers(0, 5))):
                tone = tuple(rng.uniform(0.05, 0.6, 3))
                scene.scenery.append(Item(rng.uniform(6, 70), edge + side * rng.uniform(0.3, 2), "walker", (0.5, 1.75), tone))
    if scene.kind == "highway" and rng.random() < 0.3:
        scene.scenery.append(Item(rng.uniform(50, end), 0.0, "gantry", (right - left + 4, 6.0), (0.5, 0.5, 0.5)))
    scene.scenery.sort(key=lambda item: -item.z)
