"""The mesh modes: shared connectivity, decimation, vertex fit, prediction, symmetry."""
