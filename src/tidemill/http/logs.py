"""What a server says on standard error."""

import logging

LOG_LEVELS = ("debug", "info", "warning", "error")


def start_logging(level: str) -> None:
    """Send what the server has to say to standard error, unless the program has set up its logging already."""
    if not logging.getLogger().hasHandlers():
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
