import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/** Word count, running totals and a copy, as Kafka Streams' own guide writes them, and how to see that each is through. */
final class Topology {
  private static final int LONG_LINE = 69;

  private final LongAdder recordsSeen = new LongAdder();
  /** What must have arrived in the store: words, or amounts. */
  private final LongAdder sumSent = new LongAdder();
  private final boolean hasStore;
  private Map<String, Long> stored = Map.of();

  private Topology(boolean hasStore) {
    this.hasStore = hasStore;
  }

  static Topology of(String workload, StreamsBuilder builder, String topic, String outputTopic) {
    Topology topology = new Topology(!workload.equals("copy"));
    KStream<String, String> lines = builder.stream(topic);
    switch (workload) {
      case "words":
        lines
            .flatMapValues(topology::words)
            .groupBy((nothing, word) -> word)
            .count(Materialized.as("store"));
        break;
      case "state":
        lines
            .map(topology::amountByUser)
            .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
            .reduce(Long::sum, Materialized.as("store"));
        break;
      case "copy":
        lines.filter(topology::isLong).to(outputTopic);
        break;
      default:
        throw new IllegalArgumentException(workload);
    }
    return topology;
  }

  private Iterable<String> words(String line) {
    String[] words = line.split(" ");
    sumSent.add(words.length);
    recordsSeen.increment();
    return Arrays.asList(words);
  }

  private KeyValue<String, Long> amountByUser(String key, String line) {
    int space = line.indexOf(' ');
    long amount = Long.parseLong(line.substring(space + 1));
    sumSent.add(amount);
    recordsSeen.increment();
    return KeyValue.pair(line.substring(0, space), amount);
  }

  private boolean isLong(String key, String line) {
    recordsSeen.increment();
    return line.length() > LONG_LINE;
  }

  /** What was sent to a store went through a topic of its own and arrives later. */
  boolean isDone(KafkaStreams streams, long records) {
    if (recordsSeen.sum() < records) return false;
    if (!hasStore) return true;
    stored = read(streams);
    return stored.values().stream().mapToLong(Long::longValue).sum() == sumSent.sum();
  }

  /** Of a copy there is nothing to tell: the harness reads the topic. */
  String digest(KafkaStreams streams) {
    return hasStore ? Talk.digestOf(stored) : "";
  }

  private static Map<String, Long> read(KafkaStreams streams) {
    Map<String, Long> all = new HashMap<>();
    try (KeyValueIterator<String, Long> entries =
        streams
            .store(StoreQueryParameters.fromNameAndType("store", QueryableStoreTypes.<String, Long>keyValueStore()))
            .all()) {
      entries.forEachRemaining(entry -> all.put(entry.key, entry.value));
    } catch (InvalidStateStoreException moving) {
      return Map.of();
    }
    return all;
  }
}
