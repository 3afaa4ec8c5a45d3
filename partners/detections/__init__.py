"""Detections: the access log counted, each partner held against its own habits, the extraordinary told."""
