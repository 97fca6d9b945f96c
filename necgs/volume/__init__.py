"""TSDF-Def volumes: distances, signs, and marching cubes back to a surface."""

MAX_RESOLUTION = 512
"""Grid points per axis of the largest volume."""

LEVEL = 128
"""The largest code of a volume: codes are -128..128, value = code / 128."""
