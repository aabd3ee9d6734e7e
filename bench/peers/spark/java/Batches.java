import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;
import org.apache.spark.streaming.kafka010.OffsetRange;
import scala.Tuple2;

/** Count, word count and JSON: one batch over fixed ranges, which is the RDD that a direct stream makes for a batch. */
final class Batches {
  private static final int LONG_LINE = 69;

  static void run(JavaSparkContext context, Settings settings) {
    OffsetRange[] ranges = settings.wholeTopic();
    JavaRDD<ConsumerRecord<String, String>> batch =
        KafkaUtils.createRDD(context, settings.kafkaParams(), ranges, LocationStrategies.PreferConsistent());
    long started = System.nanoTime();
    String digest = compute(settings.workload, batch);
    Talk.pass(digest, Talk.secondsSince(started));
  }

  private static String compute(String workload, JavaRDD<ConsumerRecord<String, String>> batch) {
    switch (workload) {
      case "count":
        return String.valueOf(batch.map(record -> record.value().length()).filter(n -> n > LONG_LINE).count());
      case "words":
        Map<String, Integer> counts =
            batch
                .flatMap(record -> Arrays.asList(record.value().split(" ")).iterator())
                .mapToPair(word -> new Tuple2<>(word, 1))
                .reduceByKey(Integer::sum)
                .collectAsMap();
        return Talk.digestOf(counts);
      case "json":
        Map<String, Long> sums =
            batch
                .mapPartitionsToPair(Batches::msByCountry)
                .reduceByKey(Long::sum)
                .collectAsMap();
        return Talk.digestOf(sums);
      default:
        throw new IllegalArgumentException(workload);
    }
  }

  private static Iterator<Tuple2<String, Long>> msByCountry(Iterator<ConsumerRecord<String, String>> records) {
    ObjectMapper mapper = new ObjectMapper();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return records.hasNext();
      }

      @Override
      public Tuple2<String, Long> next() {
        try {
          PageView view = mapper.readValue(records.next().value(), PageView.class);
          return new Tuple2<>(view.country, (long) view.ms);
        } catch (java.io.IOException error) {
          throw new java.io.UncheckedIOException(error);
        }
      }
    };
  }
}
