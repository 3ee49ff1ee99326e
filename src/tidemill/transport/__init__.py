"""The HTTP backend: operations sent to a remote server."""
