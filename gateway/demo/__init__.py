"""The demo: real purchases and user agents under invented names, partners of every kind, and lines to try it with."""
