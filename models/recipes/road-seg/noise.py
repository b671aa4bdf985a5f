"""Tileable noise that gives asphalt, clouds and foliage their grain.

Owns: the noise tiles, made once a process and shared by all scenes. Knows nothing of roads or pictures.
Invariant: a tile depends on its index and its power alone, so a scene never changes with what was drawn before it.
"""

import cv2
import numpy as np

NOISE_SIZE = 512


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
