"""Evaluation: what two versions answered on the same examples, as metrics with intervals; overall and slice by slice."""
