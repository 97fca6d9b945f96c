"""Programs, checkpoints and data sets of other people: planned, downloaded, unpacked, tried and installed."""
