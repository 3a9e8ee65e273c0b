"""Predictors: objects that answer as a model does, from a file that holds its answers' computation and not the model."""
