"""`python -m hagworm.frame.stress_tests` is the command `hagworm stress`."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv.insert(1, "stress")
    runpy.run_module("hagworm", run_name="__main__")
