"""Bytes: container and bitstream, header fields, entropy coders and their tables, latents, block masks."""
