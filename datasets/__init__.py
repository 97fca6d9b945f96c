"""Data sets of 3D shapes: loaders, the embedded sample set, normalisation.

``load("sample")``, ``load("folder:meshes/")``, ``load("ama", data_root="/data")``: everything arrives as a `ShapeSet`
of lazily loaded shapes. Importing this package imports nothing heavy.
"""

from __future__ import annotations

from datasets.catalog import DatasetInfo, catalog
from datasets.errors import DatasetError, DatasetUnavailable, InvalidShape, InvalidSplit, UnknownDataset
from datasets.loading import Request, load
from datasets.shape_set import Shape, ShapeSet

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
