"""How Sphinx builds the documentation: Markdown pages, and a reference from the docstrings."""

from __future__ import annotations

import importlib.metadata

project = "wandb-logging"
author = "The wandb-logging contributors"
copyright = f"2026, {author}"  # noqa: A001 -- the name Sphinx reads
version = release = importlib.metadata.version(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False

# A name of ours that leads nowhere is an error. Other projects' names are not looked up: building needs no
# network.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!wandb_logging\b).*")]

html_theme = "furo"
html_title = f"wandb-logging {release}"
