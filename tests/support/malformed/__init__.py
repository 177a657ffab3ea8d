"""Files that people may write by mistake, or on purpose."""
