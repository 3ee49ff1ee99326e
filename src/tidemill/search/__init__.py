"""The filter language: text to a typed tree, never evaluated."""
