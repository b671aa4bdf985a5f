"""One frame being drawn: where a point of the world lands in the picture, and the picture with its labels.

Owns: projection, haze, night light, and filled shapes. Knows nothing of what is drawn.
Invariant: a shape that hides the road clears the labels under it.
"""

import math

import cv2
import numpy as np

from scene import FAR_M

# The road's centre line is integrated on this grid of distances ahead of the camera.
GRID_Z = np.arange(0.0, FAR_M + 40.0, 1.0)


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
        """Returns where the camera's path runs at distance z, in metres to the right of straight ahead."""
        return np.interp(z, GRID_Z, self.bend) - self.drift

    def project(self, u, height, z):
        """Returns the pixel (x, y) of a point of the world, in metres."""
        z = max(z, 0.6)
        return (self.cx + self.f * (float(self.centre(z)) + u) / z, self.yh + self.f * (self.scene.camera_m - height) / z)

    def haze(self, colour, z):
        """Mixes a colour with the low sky's, the more the farther away."""
        share = math.exp(-z / self.scene.haze_m)
        return np.asarray(colour) * share + np.asarray(self.scene.sky_low) * (1 - share)

    def lit(self, z):
        """Returns how much light falls on a thing at distance z: all of it, or at night what the headlights give."""
        return 1.0 if self.scene.light != "night" else 0.10 + 0.55 * math.exp(-z / 18.0)

    def polygon(self, points, colour, z, emits=False, hides=True):
        """Fills a shape given in pixels; what emits needs no light, and what hides takes the labels under it away."""
        pts = np.round(np.clip(np.asarray(points, np.float64), -4e3, 4e3) * 8).astype(np.int32)
        tone = np.asarray(colour, np.float64) * (1.0 if emits else self.lit(z))
        tone = self.haze(tone, z)
        cv2.fillPoly(self.image, [pts], tuple(float(c) for c in tone), cv2.LINE_AA, 3)
        if hides:
            cv2.fillPoly(self.drivable, [pts], 0.0, cv2.LINE_8, 3)
            cv2.fillPoly(self.lanes, [pts], 0.0, cv2.LINE_8, 3)

    def box(self, u0, u1, y0, y1, z, colour, emits=False, hides=True):
        """Fills an upright rectangle that faces the camera, from u0 to u1 and from height y0 to y1."""
        x0, yb = self.project(u0, y0, z)
        x1, yt = self.project(u1, y1, z)
        self.polygon([(x0, yb), (x1, yb), (x1, yt), (x0, yt)], colour, z, emits, hides)
