import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Writes the lines of stdin, key and value apart by a tab, by Kafka's own producer: to each topic by the codec it is paired with. */
public class CodecProducer {
    public static void main(String[] args) throws Exception {
        var lines = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n");
        for (int i = 1; i < args.length; i += 2) {
            Map<String, Object> config = Map.of("bootstrap.servers", args[0], "compression.type", args[i + 1], "linger.ms", 20);
            try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
                for (String line : lines) {
                    String[] parts = line.split("\t", 2);
                    producer.send(new ProducerRecord<>(args[i], parts[0], parts[1]));
                }
            }
        }
    }
}
