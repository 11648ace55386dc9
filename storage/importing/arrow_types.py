"""Columns of Arrow as columns of pandas: the type that the file tells decides, and no value changes on the way."""

from typing import Any

import pandas as pd

# What pandas holds beside missing values without making floats of them.
_NULLABLE = {
    "bool": pd.BooleanDtype(),
    "int8": pd.Int8Dtype(),
    "int16": pd.Int16Dtype(),
    "int32": pd.Int32Dtype(),
    "int64": pd.Int64Dtype(),
    "uint8": pd.UInt8Dtype(),
    "uint16": pd.UInt16Dtype(),
    "uint32": pd.UInt32Dtype(),
    "uint64": pd.UInt64Dtype(),
}


def frame_of(batch: Any) -> pd.DataFrame:
    """Return a record batch or table of Arrow as a frame.

    Whole numbers and booleans keep their type beside nulls; what stands in a dictionary is taken out of it; durations
    stay durations, and times times, of whatever unit and zone; decimals keep their digits; bytes that are UTF-8 are
    text. Lists and records stay what they are.

    Returns
    -------
    DataFrame, shape (n_rows, n_columns)
        Numbered from 0.
    """
    columns = {name: series_of(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(batch.num_rows), copy=False)


def series_of(column: Any) -> pd.Series:
    """Return an array of Arrow as a column of pandas.

    Returns
    -------
    Series, shape (n,)
        Of objects where pandas has no such type.
    """
    import pyarrow as pa

    column = _plain(column)
    mapper = (lambda kind: _NULLABLE.get(str(kind))) if column.null_count else None
    try:
        return column.to_pandas(types_mapper=mapper, date_as_object=False)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError, ValueError):  # what pandas does not know
        return pd.Series(column.to_pylist(), dtype=object)


def _plain(column: Any) -> Any:
    """Return an array of a type that pandas knows, with the same values."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(column.cast(kind.storage_type))
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if kind == pa.time64("ns"):
        return column.cast(pa.time64("us"), safe=False)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp(kind.unit, "UTC"))  # the instants stay; not every zone is known here
    return _text(column) if str(kind).removeprefix("large_").startswith(("binary", "fixed_size_binary")) else column


def _text(column: Any) -> Any:
    import pyarrow as pa

    try:
        return column.cast(pa.binary()).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column
