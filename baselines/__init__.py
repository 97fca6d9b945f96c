"""Codecs that NeCGS is compared with, and what the point-cloud codecs among them share."""

import bench  # noqa: F401  (a checkout's folder datasets/ gets onto the path)
