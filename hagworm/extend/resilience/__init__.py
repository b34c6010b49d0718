"""What to do about failure and load, decided without a loop, a clock or a socket."""
