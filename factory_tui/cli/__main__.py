"""`python -m factory_tui.cli`."""

from factory_tui.cli import main

if __name__ == "__main__":
    main()
