"""Codecs that keep triangles."""
