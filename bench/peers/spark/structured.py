"""Structured Streaming with Spark's own functions: everything runs in the JVM, Python only says what."""
import sys
import tempfile

from pyspark.sql.functions import col, explode, from_json, length, split, sum as sum_of
import spark_session
import talk

bootstrap, topic, workload, threads, records, batches, jars = sys.argv[1:]
spark = spark_session.start(threads, jars)


def source():
    options = {"kafka.bootstrap.servers": bootstrap, "subscribe": topic, "startingOffsets": "earliest"}
    if int(batches) > 1:
        options["maxOffsetsPerTrigger"] = str(-(-int(records) // int(batches)))
    return spark.readStream.format("kafka").options(**options).load().select(col("value").cast("string"))


def result(lines):
    """The stream to run, its output mode and what reads the result of it from the table `result`."""
    if workload == "count":
        return lines.filter(length("value") > 69).groupBy().count(), "complete", "select count from result"
    if workload == "words":
        words = lines.select(explode(split("value", " ")).alias("word"))
        return words.groupBy("word").count(), "complete", "select word, count from result"
    if workload == "json":
        views = lines.select(from_json("value", "country string, ms int").alias("view"))
        sums = views.groupBy("view.country").agg(sum_of("view.ms").alias("ms"))
        return sums, "complete", "select country, ms from result"
    parts = split("value", " ")
    amounts = lines.select(parts[0].alias("user"), parts[1].cast("long").alias("amount"))
    totals = amounts.groupBy("user").agg(sum_of("amount").alias("total"))
    # Each batch adds the new totals, and a total only grows.
    return totals, "update", "select user, max(total) from result group by user"


def run(output_topic):
    checkpoint = tempfile.mkdtemp(prefix="bench-structured-")
    if workload == "copy":
        lines = source().filter(length("value") > 69)
        kafka = {"kafka.bootstrap.servers": bootstrap, "topic": output_topic}
        writer = lines.writeStream.format("kafka").options(**kafka)
    else:
        stream, mode, read = result(source())
        writer = stream.writeStream.outputMode(mode).format("memory").queryName("result")
    query = writer.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    query.awaitTermination()
    progress = [entry for entry in query.recentProgress if entry["numInputRows"] > 0]
    seconds = [entry["durationMs"]["triggerExecution"] / 1000 for entry in progress]
    if workload == "copy":
        return "", seconds
    rows = spark.sql(read).collect()
    return str(rows[0][0]) if workload == "count" else talk.digest_of(rows), seconds


talk.ready()
for output_topic in talk.passes():
    talk.answer(*run(output_topic))
spark.stop()
