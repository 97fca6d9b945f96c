"""Data sets of 3D shapes: loaders, the embedded sample set, normalisation.

``load("sample")``, ``load("folder:meshes/")``, ``load("ama", data_root="/data")``: everything arrives as a `ShapeSet`
of lazily loaded shapes. Importing this package imports nothing heavy.
"""

from __future__ import annotations

from mesh_datasets.catalog import DatasetInfo, catalog
from mesh_datasets.errors import DatasetError, DatasetUnavailable, InvalidShape, InvalidSplit, UnknownDataset
from mesh_datasets.loading import Request, load
from mesh_datasets.shape_set import Shape, ShapeSet

__all__ = [
    "DatasetError",
    "DatasetInfo",
    "DatasetUnavailable",
    "InvalidShape",
    "InvalidSplit",
    "Request",
    "Shape",
    "ShapeSet",
    "UnknownDataset",
    "catalog",
    "load",
]
