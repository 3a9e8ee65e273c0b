"""Predictors: objects that answer as a model does, from a file that holds the computation of its answers only."""
