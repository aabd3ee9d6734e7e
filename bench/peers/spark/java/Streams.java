import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.Duration;
import org.apache.spark.streaming.State;
import org.apache.spark.streaming.StateSpec;
import org.apache.spark.streaming.api.java.JavaDStream;
import org.apache.spark.streaming.api.java.JavaMapWithStateDStream;
import org.apache.spark.streaming.api.java.JavaPairDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.kafka010.ConsumerStrategies;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;
import org.apache.spark.streaming.scheduler.StreamingListener;
import org.apache.spark.streaming.scheduler.StreamingListenerBatchCompleted;
import scala.Tuple2;

/** Window, state and copy: a direct stream with as many batches as the topic makes at its rate. */
final class Streams {
  /** An eighth of a second, so that rate times interval is exact. Batches wait in line when they take longer. */
  static final Duration INTERVAL = new Duration(125);
  static final int BATCHES_PER_SECOND = 8;

  private static final int LONG_LINE = 69;

  static void run(JavaSparkContext sparkContext, Settings settings, String outputTopic) throws Exception {
    JavaStreamingContext context = new JavaStreamingContext(sparkContext, INTERVAL);
    context.checkpoint(Files.createTempDirectory("bench-spark-").toString());
    Times times = new Times(settings.batches);
    context.ssc().addStreamingListener(times);
    JavaDStream<String> lines =
        KafkaUtils.createDirectStream(
                context,
                LocationStrategies.PreferConsistent(),
                ConsumerStrategies.<String, String>Subscribe(List.of(settings.topic), settings.kafkaParams()))
            .map(ConsumerRecord::value);
    List<String> digests = Collections.synchronizedList(new ArrayList<>());
    switch (settings.workload) {
      case "window":
        window(lines, digests, settings.batches);
        break;
      case "state":
        state(lines, digests, settings.batches);
        break;
      case "copy":
        copy(lines, settings.bootstrap, outputTopic);
        break;
      default:
        throw new IllegalArgumentException(settings.workload);
    }
    context.start();
    times.complete.await();
    stopQuietly(context);
    String digest = settings.workload.equals("window") ? Talk.digestOf(String.join("", digests)) : String.join("", digests);
    Talk.pass(digest, times.seconds());
  }

  /** Empty batches are under way and more wait in line: stopping interrupts them, which Spark would tell at length. */
  private static void stopQuietly(JavaStreamingContext context) {
    Configurator.setRootLevel(Level.OFF);
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {});
    context.stop(false, false);
    Thread.setDefaultUncaughtExceptionHandler(null);
    Configurator.setRootLevel(Level.ERROR);
  }

  /** Words of the last three batches, after each batch. */
  private static void window(JavaDStream<String> lines, List<String> digests, int batches) {
    lines
        .flatMap(line -> Arrays.asList(line.split(" ")).iterator())
        .mapToPair(word -> new Tuple2<>(word, 1))
        .reduceByKeyAndWindow(Integer::sum, new Duration(3 * INTERVAL.milliseconds()), INTERVAL)
        .foreachRDD(
            rdd -> {
              if (digests.size() < batches) digests.add(Talk.digestOf(rdd.collectAsMap()));
            });
  }

  /** A running total for each user. */
  private static void state(JavaDStream<String> lines, List<String> digests, int batches) {
    JavaPairDStream<String, Integer> amounts =
        lines.mapToPair(
            line -> {
              int space = line.indexOf(' ');
              return new Tuple2<>(line.substring(0, space), Integer.parseInt(line.substring(space + 1)));
            });
    JavaMapWithStateDStream<String, Integer, Long, Long> totals =
        amounts.mapWithState(
            StateSpec.function(
                (String user, Optional<Integer> amount, State<Long> total) -> {
                  long sum = (total.exists() ? total.get() : 0L) + amount.orElse(0);
                  total.update(sum);
                  return sum;
                }));
    int[] batch = {0};
    totals.foreachRDD(rdd -> {
      if (++batch[0] <= batches) rdd.count();
    });
    totals
        .stateSnapshots()
        .foreachRDD(
            rdd -> {
              if (batch[0] == batches) digests.add(Talk.digestOf(new HashMap<>(rdd.collectAsMap())));
            });
  }

  private static void copy(JavaDStream<String> lines, String bootstrap, String outputTopic) {
    lines
        .filter(line -> line.length() > LONG_LINE)
        .foreachRDD(
            rdd ->
                rdd.foreachPartition(
                    partition -> {
                      if (!partition.hasNext()) return;
                      Properties properties = new Properties();
                      properties.put("bootstrap.servers", bootstrap);
                      properties.put("key.serializer", StringSerializer.class);
                      properties.put("value.serializer", StringSerializer.class);
                      try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
                        while (partition.hasNext()) producer.send(new ProducerRecord<>(outputTopic, partition.next()));
                      }
                    }));
  }

  /** How long each batch ran, without the time it waited. */
  private static final class Times implements StreamingListener {
    private final List<Double> seconds = new ArrayList<>();
    private final int batches;
    final CountDownLatch complete = new CountDownLatch(1);

    Times(int batches) {
      this.batches = batches;
    }

    @Override
    public synchronized void onBatchCompleted(StreamingListenerBatchCompleted event) {
      if (seconds.size() == batches) return;
      seconds.add(((Long) event.batchInfo().processingDelay().get()) / 1e3);
      if (seconds.size() == batches) complete.countDown();
    }

    synchronized double[] seconds() {
      return seconds.stream().mapToDouble(Double::doubleValue).toArray();
    }
  }
}
