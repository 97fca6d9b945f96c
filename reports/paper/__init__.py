"""Published numbers of the NeCGS paper, and their place beside a run's own."""
