"""The environments that jobs run in: one file a tool that makes them."""
