"""How a request is read and an answer is written: bodies, pages, streams, errors, limits, and what stands in front."""
