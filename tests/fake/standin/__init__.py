"""The stand-in for board, forge, messenger and CI. See ../stand-in."""
