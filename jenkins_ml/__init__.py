"""Continuous integration and deployment for machine-learning models on Jenkins."""

__version__ = "0.1.0"
