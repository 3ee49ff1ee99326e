"""Models behind HTTP: from an address to a fast, observed endpoint."""
