"""``python -m septum`` is the command ``septum``."""

from septum.cli.main import run

if __name__ == "__main__":
    run()
