"""Structured Streaming with Python functions: each batch as an RDD, whose records cross to Python workers and back."""
import json
import sys
import tempfile
import time
from operator import add

from pyspark.sql.functions import col
import spark_session
import talk

bootstrap, topic, workload, threads, records, batches, jars = sys.argv[1:]
spark = spark_session.start(threads, jars)


def country_and_ms(value):
    view = json.loads(value)
    return view["country"], view["ms"]


def compute(values):
    if workload == "count":
        return str(values.map(len).filter(lambda n: n > 69).count())
    if workload == "words":
        words = values.flatMap(lambda line: line.split(" ")).map(lambda word: (word, 1))
        return talk.digest_of(words.reduceByKey(add).collect())
    return talk.digest_of(values.map(country_and_ms).reduceByKey(add).collect())


def run():
    results = []

    def each_batch(frame, _):
        started = time.perf_counter()
        digest = compute(frame.rdd.map(lambda row: row.value))
        results.append((digest, time.perf_counter() - started))

    kafka = {"kafka.bootstrap.servers": bootstrap, "subscribe": topic, "startingOffsets": "earliest"}
    lines = spark.readStream.format("kafka").options(**kafka).load().select(col("value").cast("string"))
    writer = lines.writeStream.foreachBatch(each_batch).trigger(availableNow=True)
    writer.option("checkpointLocation", tempfile.mkdtemp(prefix="bench-pyspark-")).start().awaitTermination()
    [(digest, seconds)] = results
    return digest, [seconds]


talk.ready()
for _ in talk.passes():
    talk.answer(*run())
spark.stop()
