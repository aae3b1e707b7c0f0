"""The program that trains, fine-tunes and evaluates fkd's networks: ``python -m training --help``."""
