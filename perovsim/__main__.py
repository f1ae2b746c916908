"""``python -m perovsim`` is the command line."""

from perovsim.cli import entry

if __name__ == "__main__":
    entry()
