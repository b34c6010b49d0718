"""The libraries that write workbooks, one per file."""
