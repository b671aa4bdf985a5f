"""Turns one road picture into many different views of 320x320 RGB.

Owns: geometry, colour, weather and compositing. Knows nothing of labels: the teacher labels the finished view.
Invariant: all randomness comes from the generator that is passed in.
"""

import cv2
import numpy as np

SIDE = 320


def warp(image, rng):
    """Crops, stretches, turns and tilts a picture into a square view, and flips half of them."""
    height, width = image.shape[:2]
    scale = rng.uniform(0.5, 1.08)
    wide, high = width * min(1.08, scale * rng.uniform(0.85, 1.25)), height * scale
    x0 = rng.uniform(min(0, width - wide), max(0, width - wide))
    # Crops lean to the bottom of the picture, where the road is.
    share = rng.uniform(0, 1) ** 0.6
    y0 = min(0, height - high) + share * abs(height - high)
    corners = np.array([[x0, y0], [x0 + wide, y0], [x0 + wide, y0 + high], [x0, y0 + high]], np.float64)
    corners += rng.normal(0, 0.035, (4, 2)) * [width, height]
    turn = rng.normal(0, 0.03)
    middle = corners.mean(0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (corners - middle) @ rotation.T + middle
    target = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    if rng.random() < 0.5:
        target = target[[1, 0, 3, 2]]
    if max(wide, high) > 2.2 * SIDE:
        image = cv2.GaussianBlur(image, (0, 0), 0.35 * max(wide, high) / SIDE / 2)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    border = [cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE][rng.choice(3, p=[0.5, 0.25, 0.25])]
    return cv2.warpPerspective(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=border)


def borrow_colours(view, other, rng):
    """Gives a view the mean and spread of another picture's colours in Lab space."""
    a = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    b = cv2.cvtColor(cv2.resize(other, (64, 64)), cv2.COLOR_RGB2LAB).astype(np.float32)
    mean_a, mean_b = a.mean((0, 1)), b.mean((0, 1))
    gain = np.clip(b.std((0, 1)) / (a.std((0, 1)) + 1e-3), 0.4, 2.0)
    moved = (a - mean_a) * gain + mean_b
    share = rng.uniform(0.3, 1.0)
    return cv2.cvtColor(np.clip(a + (moved - a) * share, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def relight(view, rng):
    """Changes exposure, colour cast, saturation and local light; some views become dusk or night."""
    x = view.astype(np.float32) / 255.0
    if rng.random() < 0.2:
        x = x ** rng.uniform(1.6, 3.2) * rng.uniform(0.35, 0.9)
        ys, xs = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
        centre = rng.uniform(0.3, 0.7)
        pool = np.exp(-(((xs - centre) / 0.4) ** 2) - ((ys - rng.uniform(0.6, 0.95)) / 0.3) ** 2)
        x = x * (0.35 + rng.uniform(0.4, 1.6) * pool)[..., None]
        for _ in range(int(rng.integers(0, 9))):
            lamp = np.zeros_like(x)
            spot = (int(rng.integers(SIDE)), int(rng.integers(20, 190)))
            cv2.circle(lamp, spot, int(rng.integers(2, 7)), tuple(float(c) for c in rng.uniform(0.4, 1.2, 3)), -1)
            x = x + cv2.GaussianBlur(lamp, (0, 0), rng.uniform(2, 6))
    else:
        x = np.clip(x, 1e-4, 1) ** rng.uniform(0.6, 1.6)
    x = (x - 0.5) * rng.uniform(0.55, 1.4) + 0.5 + rng.normal(0, 0.08)
    x = x * (1 + rng.normal(0, 0.08, 3).astype(np.float32))
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * rng.uniform(0.0, 1.7)
    if rng.random() < 0.25:
        # A soft-edged polygon of shade or glare, such as a bridge, a tree or a low sun gives.
        mask = np.zeros((SIDE, SIDE), np.float32)
        cv2.fillPoly(mask, [rng.integers(-60, SIDE + 60, (int(rng.integers(3, 6)), 2)).astype(np.int32)], 1.0)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 14))
        x = x * (1 + mask[..., None] * (rng.uniform(-0.65, 0.0) if rng.random() < 0.75 else rng.uniform(0, 0.6)))
    if rng.random() < 0.12:
        fog = np.clip(1.15 - np.abs(np.arange(SIDE) / SIDE - rng.uniform(0.3, 0.5)) * rng.uniform(1.5, 4), 0, 1)
        x = x + (rng.uniform(0.5, 0.85) - x) * (fog * rng.uniform(0.2, 0.8))[:, None, None]
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def degrade(view, rng):
    """Adds lens blur, motion blur, low resolution, sensor noise, rain and JPEG artefacts."""
    if rng.random() < 0.3:
        view = cv2.GaussianBlur(view, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.12:
        size = int(rng.integers(3, 9))
        kernel = np.zeros((size, size), np.float32)
        kernel[(size // 2, slice(None)) if rng.random() < 0.5 else (slice(None), size // 2)] = 1.0 / size
        view = cv2.filter2D(view, -1, kernel)
    if rng.random() < 0.15:
        small = int(rng.integers(110, 260))
        view = cv2.resize(cv2.resize(view, (small, small), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
    if rng.random() < 0.5:
        noise = rng.standard_normal((SIDE, SIDE, 3), dtype=np.float32) * rng.uniform(1, 14)
        view = np.clip(view + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        ok, data = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 92))])
        view = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return view


def composite(view, other, rng):
    """Joins two views: one above the other, side by side, a pasted patch, or a cross-fade."""
    way = rng.integers(5)
    out = view.copy()
    if way <= 1:
        row = int(rng.integers(90, 190))
        share = np.clip((np.arange(SIDE) - row) / rng.uniform(1, 30) + 0.5, 0, 1)[:, None, None]
        out = (other * (1 - share) + view * share).astype(np.uint8)
    elif way == 2:
        column = int(rng.integers(80, 240))
        out[:, column:] = other[:, column:]
    elif way == 3:
        for _ in range(int(rng.integers(1, 4))):
            w, h = (int(v) for v in rng.integers(24, 130, 2))
            x, y, a, b = (int(rng.integers(0, SIDE - v)) for v in (w, h, w, h))
            out[y : y + h, x : x + w] = other[b : b + h, a : a + w]
    else:
        share = rng.uniform(0.15, 0.5)
        out = (view * (1 - share) + other * share).astype(np.uint8)
    return out


def make_view(image, others, rng, strength=1.0):
    """Returns one augmented 320x320 RGB view; `others` are pictures to borrow colours and parts from."""
    view = warp(image, rng)
    if rng.random() < 0.25 * strength:
        view = composite(view, warp(others[int(rng.integers(len(others)))], rng), rng)
    if rng.random() < 0.3 * strength:
        view = borrow_colours(view, others[int(rng.integers(len(others)))], rng)
    if rng.random() < 0.85 * strength:
        view = relight(view, rng)
    return np.ascontiguousarray(degrade(view, rng))
