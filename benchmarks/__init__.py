"""What `make bench` runs: the gateway beside the same queries without it, under the same load."""
