"""How good a model is in production: predictions that were kept by the id of their request, joined to later labels."""
