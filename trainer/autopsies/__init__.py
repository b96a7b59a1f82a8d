"""Autopsy of a network: what its scores follow, what its sets of images look like, and why two of them differ in brightness."""
