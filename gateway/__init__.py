"""The top floor: HTTP, OAuth, limits, the command line and the pages."""
