"""Codecs of point clouds, and the surface back from the points."""
