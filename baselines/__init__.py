"""Codecs that NeCGS is compared with, and what the point-cloud codecs among them share."""
