"""Benches: what this machine does, given as ratios to something simple measured in the same run."""
