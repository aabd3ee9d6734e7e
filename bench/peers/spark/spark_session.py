"""A Spark in this process, as `spark-submit --master local[N]` would start it."""
from pathlib import Path

from pyspark.sql import SparkSession

LOGGING = Path(__file__).parent / "log4j2.properties"


def start(threads, jars):
    return (
        SparkSession.builder.master(f"local[{threads}]")
        .appName("bench")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={LOGGING}")
        .config("spark.driver.extraClassPath", jars)
        .config("spark.sql.shuffle.partitions", threads)
        .getOrCreate()
    )
