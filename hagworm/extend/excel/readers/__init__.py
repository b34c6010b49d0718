"""The libraries that read workbooks, one per file."""
