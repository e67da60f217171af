"""Whether inputs and predictions have moved away from what they were: sums that add up, distances, and a test."""
