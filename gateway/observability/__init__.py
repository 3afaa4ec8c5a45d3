"""What the gateway says about itself: lines of its log, and figures for Prometheus."""
