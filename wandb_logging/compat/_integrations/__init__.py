"""The official SDK's callbacks for frameworks. Each module imports its framework when it is imported itself."""
