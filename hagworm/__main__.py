"""`python -m hagworm` is the command `hagworm`."""

from hagworm.cli import main

if __name__ == "__main__":
    main()
