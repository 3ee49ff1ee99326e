"""What a data scientist imports: the fluent functions, the active run, the typed client."""
