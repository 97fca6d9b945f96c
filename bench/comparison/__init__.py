"""Which is better: BD-rate, the paired bootstrap, comparing two runs, the gate."""
