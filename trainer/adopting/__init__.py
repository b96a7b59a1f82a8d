"""Adopting what a user already has: stamps, anchors and a checkpoint of the failed experiment's layout, into our contracts."""
