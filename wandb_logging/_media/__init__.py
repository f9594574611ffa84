"""Media as metric values: images, histograms, tables, HTML, audio, video, molecules, 3D objects, Plotly figures.

Each kind has a file of its own. `base` holds what all kinds share; `placing` moves their files from a row of metrics
into the run directory. Optional packages (Pillow, numpy) are imported only when a value needs them.
"""

from __future__ import annotations

ROOMS = {
    "Audio": "_media.audio",
    "Histogram": "_media.histogram",
    "Html": "_media.html",
    "Image": "_media.image",
    "Molecule": "_media.molecule",
    "Object3D": "_media.object3d",
    "Plotly": "_media.plotly",
    "Table": "_media.table",
    "Video": "_media.video",
}
"""The kinds people make by name, and where each is. `wandb_logging` and `compat` offer these."""
