"""Rows to tables, figures and reports."""

import bench  # noqa: F401  (a checkout's folder datasets/ gets onto the path)
