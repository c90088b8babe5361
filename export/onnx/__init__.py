"""ONNX as an export format: `convert`, `compress`, `package`, `run`, joined in `format`."""
