"""Tensionwire: raw news reports in, rolling tension tables out."""

__version__ = "0.1.0"
