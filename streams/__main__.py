"""`python -m streams` is `tensionwire`."""

from streams.cli import main

main()
