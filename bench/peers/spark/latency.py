"""Structured Streaming with its default trigger: each batch becomes rows of SQLite, once, in one durable transaction."""
import json
import sqlite3
import sys
import time
from pathlib import Path

from pyspark.sql.functions import col
import spark_session

heat, jars = json.loads(sys.argv[1]), sys.argv[2]
folder = Path(heat["folder"])
database = sqlite3.connect(folder / "arrived.sqlite", check_same_thread=False)
database.executescript(
    """
    pragma journal_mode = wal; pragma synchronous = full;
    create table arrived (id integer primary key, sent_at double precision not null, commit_id text not null);
    create table progress (batch integer primary key);
    """
)


def write(frame, batch):
    values = [json.loads(row.value) for row in frame.collect()]
    with database:
        if database.execute("select 1 from progress where batch = ?", [batch]).fetchone():
            return
        rows = [(value["id"], value["sentAt"], str(batch)) for value in values]
        database.executemany("insert into arrived values (?, ?, ?)", rows)
        database.execute("insert into progress values (?)", [batch])
    with open(folder / "commits.txt", "a") as commits:
        commits.write(f"{batch} {time.time() * 1000}\n")


spark = spark_session.start(heat["threads"], jars)
kafka = {"kafka.bootstrap.servers": heat["bootstrap"], "subscribe": heat["topic"], "startingOffsets": "earliest"}
lines = spark.readStream.format("kafka").options(**kafka).load().select(col("value").cast("string"))
query = lines.writeStream.foreachBatch(write).option("checkpointLocation", str(folder / "checkpoint")).start()
print("ready", flush=True)
sys.stdin.read()
query.stop()
spark.stop()
