"""Places outside of this machine from which settings can be read: one file for each scheme."""
