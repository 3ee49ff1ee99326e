"""The tracking server: an ASGI app made from the operation table."""
