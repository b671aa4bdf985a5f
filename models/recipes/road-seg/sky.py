"""Draws what lies above the horizon: sky, clouds and far hills. Knows nothing of the road."""

import numpy as np

from noise import sample, texture


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
