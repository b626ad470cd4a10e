"""Print the versions of all locks as constraints, without hashes: pip takes hashes for what it installs only."""

import re
from pathlib import Path

LOCKS = ("run", "image")  # not of the tests
PIN = re.compile(r"^([a-z0-9.-]+==[^ \n]+(?: ; [^\\\n]+?)?)(?: \\)?$", re.MULTILINE)


def main() -> None:
    """Print the pins of the locks, sorted, each once."""
    texts = [Path(__file__).with_name(f"{lock}.txt").read_text(encoding="utf-8") for lock in LOCKS]
    print("# Made by: make lock")
    print("\n".join(sorted({pin for text in texts for pin in PIN.findall(text)})))


if __name__ == "__main__":
    main()
