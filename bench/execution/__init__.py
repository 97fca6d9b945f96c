"""Doing it: worker processes and their supervision, jobs to rows, local or on a cluster, progress."""
