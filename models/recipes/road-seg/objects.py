"""Draws what stands on and beside the road: vehicles, buildings, trees, walls, lamps, signs and people.

Owns: the shape of each kind of object. Knows nothing of where they stand or of the order they are drawn in.
Invariant: what looks random in an object comes from its place and the scene's seed, so that it stays the same as it comes nearer.
"""

import math

import cv2
import numpy as np


def draw_car(view, car, z, detail):
    """Draws one vehicle as a shaded box with a cabin, windows, wheels and lights."""
    u, away = car.u, car.away
    width, low, high, length = {"car": (1.8, 0.85, 1.42, 4.4), "suv": (1.9, 1.05, 1.75, 4.6), "van": (2.0, 1.2, 2.1, 5.0),
                                "truck": (2.5, 3.6, 3.6, 10.0)}[car.kind]
    half, far = width / 2, z + length
    tone = np.asarray(car.colour)
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


def draw_item(view, item, z):
    """Draws one roadside object at distance z."""
    u, kind, (size, tall) = item.u, item.kind, item.size
    near = max(z, 1.2)
    tone = np.asarray(item.colour)
    rng = np.random.default_rng(int(item.z * 131 + u * 17) % 100003 + view.scene.seed)
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


def draw_building(view, item, z):
    """Draws the street side and the near end of one building, with windows."""
    u, (deep, tall) = item.u, item.size
    far, rng = z + deep, np.random.default_rng(int(abs(item.z * 97 + u * 13)) + view.scene.seed)
    near = max(z, 1.5)
    if far <= near:
        return
    tone = np.asarray(item.colour)
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
