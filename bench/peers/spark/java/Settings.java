import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.spark.streaming.kafka010.OffsetRange;

/** What the harness says on the command line. */
final class Settings {
  final String bootstrap;
  final String topic;
  final String workload;
  final int threads;
  /** Records of one partition in one batch. */
  final int perPartition;
  final int batches;

  Settings(String[] args) {
    bootstrap = args[0];
    topic = args[1];
    workload = args[2];
    threads = Integer.parseInt(args[3]);
    perPartition = Integer.parseInt(args[4]);
    batches = Integer.parseInt(args[5]);
  }

  Map<String, Object> kafkaParams() {
    Map<String, Object> params = new HashMap<>();
    params.put("bootstrap.servers", bootstrap);
    params.put("key.deserializer", StringDeserializer.class);
    params.put("value.deserializer", StringDeserializer.class);
    params.put("group.id", "bench-spark-java");
    params.put("auto.offset.reset", "earliest");
    params.put("enable.auto.commit", false);
    return params;
  }

  OffsetRange[] wholeTopic() {
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(kafkaParams())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .collect(Collectors.toList());
      return consumer.endOffsets(partitions).entrySet().stream()
          .map(end -> OffsetRange.create(end.getKey(), 0, end.getValue()))
          .toArray(OffsetRange[]::new);
    }
  }
}
