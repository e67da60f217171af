"""Intervals: how far a number may lie from what was seen, at one look or at every look together."""
