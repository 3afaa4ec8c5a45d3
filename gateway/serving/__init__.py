"""Serving over HTTP: gunicorn, with the loose ends tied by which a caller could be quoted or a thread be held."""
