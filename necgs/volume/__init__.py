"""TSDF-Def volumes: distances, signs, and marching cubes back to a surface."""

MAX_RESOLUTION = 512
"""Grid points per axis of the largest volume."""
