"""pandas and numpy: frames of numbers, texts, dates and categories, grouped,
merged and pivoted; arrays of objects and views.

SPDX-License-Identifier: MIT
"""
import numpy
import pandas

from rest import rest

KEPT = {}


def main():
    numbers = numpy.arange(3000)
    frame = pandas.DataFrame({
        "n": numbers,
        "name": ["name %d" % (n % 100) for n in numbers],
        "price": numbers * 0.25,
        "when": pandas.date_range("2024-01-01", periods=3000, freq="h"),
    })
    frame["kind"] = frame["name"].str.slice(0, 6).astype("category")
    groups = frame.groupby("name")["price"].agg(["sum", "mean", "count"])
    assert int(groups["count"].sum()) == 3000
    other = pandas.DataFrame({"name": ["name %d" % n for n in range(100)],
                              "owner": ["ann", "bob"] * 50})
    merged = frame.merge(other, on="name")
    table = merged.pivot_table(index="owner", columns="kind", values="price",
                               observed=False)
    assert list(table.index) == ["ann", "bob"]
    days = frame.set_index("when").resample("D")["price"].sum()
    KEPT.update(frame=frame, groups=groups, merged=merged, table=table,
                days=days, objects=numpy.array([object(), None, "x"] * 5,
                                               dtype=object),
                view=numbers[::2].reshape(30, 50))
    rest()


if __name__ == "__main__":
    main()
