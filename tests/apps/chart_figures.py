"""matplotlib's pyplot in a web service: figures that are never closed.

plt.figure() registers each figure with pyplot, which keeps it until
plt.close().  The fix: close it, or use matplotlib.figure.Figure.

SPDX-License-Identifier: MIT
"""
import io
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import pyexplore  # noqa: E402
import traffic  # noqa: E402

warnings.filterwarnings("ignore", "More than 20 figures")


def chart(request):
    figure = plt.figure(figsize=(1, 0.5), dpi=40)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set_axis_off()
    axes.plot(list(request.body[:40]))
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        chart(request)


if __name__ == "__main__":
    main()
