"""The journal: what was logged, on the local disk until the store behind it has it. See docs/reference/journal.md."""
