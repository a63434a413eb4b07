"""`python -m opensonic`: the command line."""

from opensonic.cli import main

main()
