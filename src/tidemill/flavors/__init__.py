"""How models of each framework are kept: one small file each, none knows another. See `tidemill.models.flavor`."""
