"""What the values on the command line may be; argparse says of any other which one it was and what to give."""

from __future__ import annotations

import argparse
import math

from fkd.errors import RegistryError
from fkd.versions import one_line

__all__ = ["above_zero", "natural", "positive", "share", "text"]


def positive(given: str) -> int:
    """A whole number from 1 up."""
    number = natural(given, "give a whole number above 0")
    if number == 0:
        raise argparse.ArgumentTypeError("give a whole number above 0")
    return number


def natural(given: str, advice: str = "give a whole number from 0 up") -> int:
    """A whole number from 0 up."""
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(advice)
    return int(given)


def above_zero(given: str) -> float:
    """A number above 0."""
    number = number_of(given)
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError("give a number above 0")
    return number


def share(given: str) -> float:
    """A number from 0 to 1."""
    number = number_of(given)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError("give a number from 0 to 1")
    return number


def text(given: str) -> str:
    """A name or a reason, as one line."""
    try:
        return one_line(given)
    except RegistryError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def number_of(given: str) -> float:
    try:
        return float(given)
    except ValueError:
        return math.nan  # which is in no range
