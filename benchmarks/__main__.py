"""`python -m benchmarks [--quick] [NAME…]`: run benchmarks one after another.

Each runs in a process of its own, as `python -m benchmarks.NAME`, so that none warms the next.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

NAMES = ("transcode", "batch", "small_jobs", "noop", "http", "crowd", "store", "start")


def main() -> int:
    """The number of benchmarks that broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="shorter runs, coarser figures")
    options = parser.parse_args()
    broken = 0
    for name in options.names:
        print(f"\n=== {name} ===", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        broken += subprocess.run(command + ["--quick"] * options.quick, check=False).returncode != 0
    return broken


if __name__ == "__main__":
    sys.exit(main())
