"""PCGCv2: a learned codec of point cloud geometry (Wang, Ding, Li, Ma, "Multiscale point cloud geometry compression",
DCC 2021), in pure PyTorch. It reads the authors' checkpoints; ``python -m baselines.points.pcgcv2 train`` makes others.
"""
