"""Scripts that are there without a ConfigMap, as in Kruise. Read by `script_sources`."""
