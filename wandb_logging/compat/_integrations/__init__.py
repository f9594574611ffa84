"""The callbacks that the official SDK ships for frameworks. Each room imports its framework when it is imported."""
