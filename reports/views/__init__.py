"""Linked 3D views and still pictures of original and decoded shapes."""
