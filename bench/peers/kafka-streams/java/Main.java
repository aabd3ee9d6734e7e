import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/** Kafka Streams in one JVM: a new application for each line on stdin, which reads the topic from its start. */
public final class Main {
  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    String topic = args[1];
    String workload = args[2];
    int threads = Integer.parseInt(args[3]);
    long records = Long.parseLong(args[4]);
    Talk.ready();
    for (String line = Talk.nextPass(); line != null; line = Talk.nextPass()) {
      StreamsBuilder builder = new StreamsBuilder();
      Topology topology = Topology.of(workload, builder, topic, line);
      Path folder = Files.createTempDirectory("bench-kafka-streams-");
      KafkaStreams streams = new KafkaStreams(builder.build(), properties(bootstrap, threads, folder));
      CountDownLatch running = new CountDownLatch(1);
      streams.setStateListener((now, before) -> {
        if (now == KafkaStreams.State.RUNNING) running.countDown();
      });
      streams.start();
      running.await();
      long started = System.nanoTime();
      while (!topology.isDone(streams, records)) Thread.sleep(5);
      double seconds = Talk.secondsSince(started);
      String digest = topology.digest(streams);
      streams.close();
      if (workload.equals("copy")) seconds = Talk.secondsSince(started); // closing sends and commits the rest
      try (Stream<Path> files = Files.walk(folder)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      }
      Talk.pass(digest, seconds);
    }
  }

  private static Properties properties(String bootstrap, int threads, Path folder) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-" + UUID.randomUUID());
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put("auto.offset.reset", "earliest");
    return properties;
  }
}
