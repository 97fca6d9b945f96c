"""Fitting a volume to its mesh: direct, by rendering, and what thin parts need."""
