"""Run the command as `python -m hemgs_cli`."""

from hemgs_cli.main import main

main()
