"""Tree ensembles as ONNX, with every comparison as the model makes it."""
