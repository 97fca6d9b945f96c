"""Differentiable depth and silhouette of a triangle mesh, on a CPU and with CUDA through the same code.

Only visibility (which face each pixel sees) has two back ends; it carries no gradient. Depth is computed anew from the
three vertices of the visible face, the silhouette is antialiased from the projected silhouette edges; both in torch.
"""

from necgs.fit.raster.camera import Cameras, project, random_cameras
from necgs.fit.raster.depth import depth_of
from necgs.fit.raster.silhouette import Edges, edges_of, silhouette_of
from necgs.fit.raster.visibility import visible_faces

__all__ = [
    "Cameras",
    "Edges",
    "depth_of",
    "edges_of",
    "project",
    "random_cameras",
    "silhouette_of",
    "visible_faces",
]
