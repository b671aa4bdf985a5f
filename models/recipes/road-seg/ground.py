"""Draws the ground with its markings, and the exact labels of both.

Owns: asphalt, verges, kerbs, paint, shadows and wet sheen. Knows nothing of what stands on the ground.
Invariant: labels come from the road's geometry alone, never from the colours drawn.
"""

import math

import numpy as np

from noise import sample, texture
from scene import FAR_M
from view import GRID_Z


class Patch:
    """The ground as the picture shows it: for each pixel below the horizon its place on the road and its size, in metres.

    u lies to the right of the camera's path and z ahead of the camera, as in the scene; v is z counted from the drive's start.
    across and along are the width and the length of ground that one pixel covers.
    """

    def __init__(self, view, top):
        s = view.scene
        xs, ys = np.meshgrid(np.arange(s.width, dtype=np.float32), np.arange(top, s.height, dtype=np.float32))
        z = view.f * s.camera_m / np.maximum(ys + 0.5 - view.yh, 0.25)
        zc = np.minimum(z, FAR_M)
        self.offset = s.offset
        self.u = (xs - view.cx) * z / view.f - np.interp(zc[:, 0], GRID_Z, view.bend).astype(np.float32)[:, None] + view.drift
        self.v = z + view.travel
        self.z = z
        self.across = z / view.f
        self.along = z * z / (view.f * s.camera_m)
        # How far off the asphalt, to either side; negative on it.
        left = s.left_edge - s.opposite * s.lane_m - s.shoulder_left
        self.beyond = np.maximum(left - self.u, self.u - (s.right_edge + s.shoulder_right))

    def grain(self, index, power, su, sv, cell):
        """Reads a noise tile along the road, fading where its cells of that many metres are finer than a pixel."""
        fade = np.clip(cell / np.maximum(self.along, 1e-3), 0.0, 1.0)
        return sample(texture(index, power), self.u * su + self.offset[0], self.v * sv + self.offset[1]) * fade

    def covers(self, distance, half_width):
        """Returns the share of each pixel that lies within half_width of a line at that distance."""
        return np.clip((half_width - distance) / self.across + 0.5, 0, 1)


def draw_ground(view):
    """Paints asphalt, verges, kerbs and markings, and writes the exact labels."""
    s = view.scene
    top = int(max(math.floor(view.yh) + 1, 0))
    if top >= s.height - 4:
        return
    patch = Patch(view, top)
    u, z = patch.u, patch.z
    ground = surface(view, patch)
    worn = np.clip(1.0 - s.wear * (0.45 + 0.5 * patch.grain(6, 1.2, 22, 7, 2.0)), 0.15, 1.0)
    ground, lanes = paint_lines(view, patch, ground, worn)
    if s.crossing < 1e8:
        ahead = s.crossing - view.travel
        zebra = (z > ahead + 0.8) & (z < ahead + 3.8) & (np.mod(u, 1.1) < 0.55) & (patch.beyond < 0) & (patch.along < 3)
        stop = (z > ahead - 0.7) & (z < ahead - 0.2) & (u > s.left_edge) & (u < s.right_edge) & (patch.along < 2)
        mark = ((zebra | stop) * worn)[..., None] * 0.9
        ground = ground * (1 - mark) + 0.85 * mark
    ground = shade_ground(view, patch, ground)
    share = np.exp(-z / s.haze_m)[..., None]
    view.image[top:] = ground * share + np.asarray(s.sky_low, np.float32) * (1 - share)
    view.drivable[top:] = (u > s.left_edge) & (u < s.right_edge) & (z < 160.0)
    view.lanes[top:] = lanes


def surface(view, patch):
    """Returns the colours of asphalt with its tracks and cracks, and of verge or kerb and pavement beside it."""
    s = view.scene
    gain = s.texture_gain
    coarse, fine, streak = patch.grain(1, 1.5, 6, 2.0, 6.0), patch.grain(2, 0.6, 45, 22, 0.12), patch.grain(3, 1.1, 30, 0.8, 8.0)
    road = np.asarray(s.asphalt, np.float32) * (1 + gain * (0.055 * coarse + 0.05 * fine + 0.035 * streak))[..., None]
    lane_pos = np.mod((patch.u - s.left_edge) / s.lane_m, 1.0)
    tracks = np.exp(-((np.abs(lane_pos - 0.5) - 0.24) / 0.08) ** 2) - 0.6 * np.exp(-((lane_pos - 0.5) / 0.08) ** 2)
    road *= (1 - 0.05 * gain * tracks)[..., None]
    crack = np.exp(-(patch.grain(4, 1.4, 9, 5, 3.0) / 0.035) ** 2) * np.clip(2.0 / patch.along, 0, 1) * np.clip(coarse, 0, 1)
    road *= (1 - 0.2 * gain * crack)[..., None]

    soil = np.asarray(s.verge, np.float32) * (1 + 0.16 * patch.grain(5, 1.0, 18, 9, 1.5) + 0.12 * fine + 0.12 * coarse)[..., None]
    if s.kerb:
        joint = 1 - 0.15 * (np.mod(patch.v, 1.5) < 0.06) * np.clip(0.3 / patch.along, 0, 1)
        walk = np.asarray(s.walk, np.float32) * (joint * (1 + 0.06 * coarse + 0.04 * fine))[..., None]
        soil = np.where((patch.beyond > 5.0)[..., None], soil, walk)
        edge = patch.covers(np.abs(patch.beyond - 0.09), 0.18)[..., None]
        soil = soil * (1 - edge) + np.asarray(s.walk, np.float32) * 1.15 * edge
        gutter = patch.covers(np.abs(patch.beyond + 0.2), 0.2)[..., None]
        road *= 1 - 0.2 * gutter
    cover = np.clip(patch.beyond / patch.across + 0.5, 0, 1)[..., None]
    ground = road * (1 - cover) + soil * cover
    if s.crossing < 1e8:
        ahead = s.crossing - view.travel
        street = (patch.z > ahead + 5.0) & (patch.z < ahead + 17.0)
        ground = np.where(street[..., None], road, ground)
    return ground


def paint_lines(view, patch, ground, worn):
    """Returns (ground with its worn lane lines painted on, the exact label of the lines)."""
    s, z = view.scene, patch.z
    lanes = np.zeros_like(patch.u)
    for line in s.lines:
        distance = np.abs(patch.u - line.u)
        paint = patch.covers(distance, line.width / 2) * np.minimum(1.0, line.width / patch.across * 1.2)
        if line.period > 0:
            phase = np.mod(patch.v, line.period)
            gap = np.minimum(phase, line.period - phase)
            on = np.clip((line.dash / 2 - gap) / np.maximum(patch.along, 0.05) + 0.5, 0, 1)
            duty = line.dash / line.period
            blurred = np.clip(patch.along / line.period, 0, 1)
            paint = paint * (on * (1 - blurred) + duty * blurred)
        if s.crossing < 1e8:
            paint = paint * ~((z > s.crossing - view.travel - 1.0) & (z < s.crossing - view.travel + 17.0))
        strength = (paint * worn)[..., None]
        ground = ground * (1 - strength) + np.asarray(line.colour, np.float32) * strength
        # The teacher's data draws a line through the gaps of a dashed marking and gives it some width on screen.
        half = np.maximum(line.width * 0.65, patch.across * s.width / 640.0 * 1.6)
        lanes = np.maximum(lanes, ((distance < half) & (z < 90.0)).astype(np.float32))
    return ground, lanes


def shade_ground(view, patch, ground):
    """Adds tree shadows, headlights and wet reflections to the ground."""
    s = view.scene
    u, v, z = patch.u, patch.v, patch.z
    if s.shadow > 0:
        blobs = np.clip((patch.grain(7, 1.5, 9, 4.5, 8.0) + 0.3 * patch.grain(2, 0.9, 30, 20, 0.8) - 0.35) * 3, 0, 1)
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
