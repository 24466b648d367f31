"""python -m polydl"""

from polydl.cli import main

if __name__ == "__main__":
    main()
