"""What the judge of canaries (`core/judge.py`) rests on: what was seen, and the bets that it is held against."""
