"""Writes ``pandas-VERSION.pkl``: values as an older pandas pickles them, and what is expected of them, as plain data.

python make_pandas.py    (with that pandas; the file beside this one is never written again)
"""

import pathlib
import pickle

import numpy as np
import pandas as pd


def values():
    mixed = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "f": [1.5, None, -0.0],
            "t": ["a", None, "ü"],
            "b": [True, False, True],
            "d": pd.date_range("2020", periods=3),
            "z": pd.date_range("2020", periods=3, tz="Europe/Paris"),
            "s": pd.to_timedelta([1, 2, 3], unit="s"),
            "c": pd.Categorical(["u", None, "v"], ordered=True),
            "i": pd.array([1, None, 3], dtype="Int64"),
            "x": pd.array(["a", None, "b"], dtype="string"),
            "p": pd.period_range("2020", periods=3, freq="M"),
            "r": pd.interval_range(0, 3),
            "a": pd.array(["q", None, "r"], dtype="string[pyarrow]"),
        },
        index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None]),
    )
    return {
        "frame": mixed, "numbers": pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("xyz")),
        "series": pd.Series([1, 2], name="s", index=["a", "b"]), "index": pd.Index([1.5, 2.5], name="f"),
        "dates": pd.date_range("2020", periods=3, freq="W-WED", tz="UTC"),
        "moment": pd.Timestamp("2020", tz="Asia/Tokyo"),
        "span": pd.Timedelta("1D"), "period": pd.Period("2020-01", "M"), "missing": [pd.NA, pd.NaT],
        "categories": pd.CategoricalDtype(["a", "b"], ordered=True), "sparse": pd.arrays.SparseArray([0, 0, 1.5]),
    }  # fmt: skip


def shown(value):
    """The same in words that every pandas prints alike."""
    if isinstance(value, pd.DataFrame):
        return [[str(label) for label in value.index], {str(k): [str(v) for v in value[k].tolist()] for k in value}]
    if isinstance(value, (pd.Series, pd.Index)):
        return [str(value.name), [str(v) for v in value.tolist()], str(getattr(value, "freqstr", None))]
    if hasattr(value, "tolist"):
        return [str(v) for v in value.tolist()]
    return str(value)


if __name__ == "__main__":
    made = values()
    told = {name: shown(value) for name, value in made.items()}
    data = {name: pickle.dumps(value, 4) for name, value in made.items()}
    place = pathlib.Path(__file__).with_name(f"pandas-{pd.__version__}.values")
    place.write_bytes(pickle.dumps({"shown": told, "pickles": data}, 4))
