"""python -m cloudcore."""

from cloudcore.commands.main import main

if __name__ == "__main__":
    main()
