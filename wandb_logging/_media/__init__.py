"""Media as metric values: images, histograms, tables, HTML, audio, video, molecules, 3D objects, Plotly figures.

One kind a file. `base` says what they have in common, `placing` how they get from a row of metrics into the run
directory. What is optional (Pillow, numpy) is imported only when such a value comes.
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
