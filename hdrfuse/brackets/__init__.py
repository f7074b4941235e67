"""Brackets: which files are one bracket, and with which exposures."""
