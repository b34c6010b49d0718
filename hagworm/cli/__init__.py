"""The command `hagworm`: one file per subcommand, loaded when it is called."""

from hagworm.cli.group import hagworm

__all__ = ("main",)


def main() -> None:
    """Run the command line of this process and exit: 0 done, 1 failed, 2 usage or configuration, 3 failed start-up."""
    hagworm(prog_name="hagworm")
