import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Spark's direct stream in one JVM: makes a pass over the topic for each line on stdin. */
public final class Main {
  public static void main(String[] args) throws Exception {
    Settings settings = new Settings(args);
    SparkConf conf =
        new SparkConf()
            .setAppName("bench")
            .setMaster("local[" + settings.threads + "]")
            .set("spark.ui.enabled", "false")
            .set("spark.streaming.kafka.maxRatePerPartition", "" + settings.perPartition * Streams.BATCHES_PER_SECOND);
    try (JavaSparkContext context = new JavaSparkContext(conf)) {
      Talk.ready();
      boolean oneBatch = settings.batches == 1;
      for (String line = Talk.nextPass(); line != null; line = Talk.nextPass()) {
        if (oneBatch) Batches.run(context, settings);
        else Streams.run(context, settings, line);
      }
    }
  }
}
