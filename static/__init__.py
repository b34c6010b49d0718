"""Files that ship beside the code, installed as the package `hagworm.static`."""
