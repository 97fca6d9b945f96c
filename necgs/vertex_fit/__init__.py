"""Moves the vertices of a coarse mesh to where its surface lies closest to the original's."""
