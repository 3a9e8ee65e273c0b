"""ONNX files as untrusted data: read by a small reader of its own, and checked before any native library sees them."""
