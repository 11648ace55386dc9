"""Writes a model's log to a CSV or Parquet file, a part at a time."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from drift.data.windows import Column, RowSpan
from storage.database.engine import cleaning_up
from storage.log import PredictionLog

_PART_ROWS = 50_000


def export(
    log: PredictionLog,
    model: str,
    path: Path,
    progress: Callable[[int, int | None], None] = lambda n_done, n_rows: None,
) -> int:
    """Write every row of a model's log in time order; return how many.

    Raises
    ------
    ValueError
        If the file name ends in neither .csv nor .parquet, the file exists, or its folder does not.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ValueError(f"the file must end in .csv or .parquet; got {path.name}.")
    if path.exists():
        raise ValueError(f"the file must not exist yet; got {path}.")
    if not path.parent.is_dir():
        raise ValueError(f"the folder of the file must exist; got {path.parent}.")
    columns = log.columns(model)
    n_rows = log.n_rows(model)
    unfinished = path.with_name(path.name + ".part")
    writer = (_Parquet if path.suffix.lower() == ".parquet" else _Csv)(unfinished, columns)
    n_done = 0
    try:
        while n_done < n_rows:
            frame = log.read_rows(model, RowSpan(n_done, n_done + _PART_ROWS))
            if frame.empty:
                break
            writer.write(frame)
            n_done += len(frame)
            progress(n_done, n_rows)
    except BaseException as error:
        with cleaning_up(error):
            writer.close()
        raise
    writer.close()
    unfinished.replace(path)
    return n_done


class _Csv:
    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._header = True

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self._file, index=False, header=self._header, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
        self._header = False

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        numeric = {column.name for column in columns if column.kind == "numeric"}
        times = {"predicted_at", "labelled_at"}
        bookkeeping = ["predicted_at", "request_id", "entity_id", "version", "variant"]
        names = [*bookkeeping, *(column.name for column in columns), "labelled_at", "text"]
        # Fixed before the first part: a part without any label must not decide the type.
        types = {
            name: pa.timestamp("us", "UTC") if name in times else pa.float64() if name in numeric else pa.string()
            for name in names
        }
        self._schema = pa.schema(list(types.items()))
        self._table = pa.Table
        self._writer = pq.ParquetWriter(path, self._schema)

    def write(self, frame: pd.DataFrame) -> None:
        self._writer.write_table(self._table.from_pandas(frame, schema=self._schema, preserve_index=False))

    def close(self) -> None:
        self._writer.close()
