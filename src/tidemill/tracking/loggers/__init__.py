"""Loggers and callbacks for training frameworks, one file a framework; each can be used alone."""
