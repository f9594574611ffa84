"""Media as metric values: images, histograms, tables, HTML, audio, video, molecules, 3D objects, Plotly figures.

One kind a file. `_base` says what they have in common, `_names` what their files are called, `_placing` how they get
from a row of metrics into the run directory. What is optional (Pillow, numpy) is imported only when such a value comes.
"""
