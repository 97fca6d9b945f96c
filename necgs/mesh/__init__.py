"""The mesh modes: shared connectivity, decimation, prediction, symmetry."""
