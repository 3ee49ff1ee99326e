"""One trial."""

import sys

import tidemill

with tidemill.start_run():
    tidemill.log_metric("loss", (float(sys.argv[1]) - 0.3) ** 2)
