"""NeCGS: neural compression for sets of 3D meshes."""
