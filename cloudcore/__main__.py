"""python -m cloudcore."""

from cloudcore.cli import main

if __name__ == "__main__":
    main()
