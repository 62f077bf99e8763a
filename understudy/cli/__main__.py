"""`python -m understudy.cli`, where the console script is not on PATH."""

from understudy.cli import main

if __name__ == "__main__":
    main()
