"""Where jobs run: one file an engine, each a class with the two methods of `tidemill.projects.job.Executor`."""
