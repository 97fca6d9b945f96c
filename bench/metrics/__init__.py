"""Metrics of a decoded mesh against its reference, sampled and surface-exact."""
