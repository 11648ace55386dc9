"""Databases as older releases left them."""

import sqlalchemy as sa


def take_back_readings(connection: sa.Connection) -> None:
    """Take back what the migrations 0008 and 0007 made."""
    for column in ("classes", "marks"):
        connection.exec_driver_sql(f"ALTER TABLE model_column DROP COLUMN {column}")
    connection.exec_driver_sql("ALTER TABLE model DROP COLUMN n_readings")
    connection.exec_driver_sql("DROP TABLE unreadable_cell")
    connection.exec_driver_sql("ALTER TABLE model_column DROP COLUMN spelling")
    connection.exec_driver_sql("ALTER TABLE model_column DROP COLUMN missing")
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0006'")
