"""The figures' colours on a screen: the same hue on white and on a dark page, each with enough contrast."""

from __future__ import annotations

from matplotlib.colors import to_hex, to_rgb

LIGHT, DARK = "#ffffff", "#15181c"
"""The page's backgrounds, as page.css has them."""

CONTRAST = 3.0
"""What WCAG 2 asks of graphics."""


def contrast(colour: str, background: str) -> float:
    """Contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(colour), luminance(background)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(colour: str, background: str, least: float = CONTRAST) -> str:
    """``colour``, mixed with black or white, whichever is farther from ``background``, until it stands out."""
    target = 0.0 if luminance(background) > 0.5 else 1.0
    for step in range(101):
        red, green, blue = ((1 - step / 100) * part + step / 100 * target for part in to_rgb(colour))
        mixed = str(to_hex((red, green, blue)))
        if contrast(mixed, background) >= least:
            return mixed
    return str(to_hex((target, target, target)))
