"""What goes on beside requests, in threads of the workers: sealing, detections, and what is sent to others."""
