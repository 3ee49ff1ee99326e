"""The operation table: everything that can be asked of Tidemill, declared once as data."""
