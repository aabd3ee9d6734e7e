import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/** Writes record batches by Kafka's own client: a line of JSON in, a line of base64 out. */
public class BatchWriter {
    static final byte MAGIC = 2;
    static final int LEADER_EPOCH = 3;

    public static void main(String[] args) throws IOException {
        ObjectMapper json = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        PrintStream out = new PrintStream(System.out, true);
        for (String line; (line = in.readLine()) != null; ) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (JsonNode batch : json.readTree(line)) write(batch, bytes);
            out.println(Base64.getEncoder().encodeToString(bytes.toByteArray()));
        }
    }

    static void write(JsonNode batch, ByteArrayOutputStream to) throws IOException {
        ByteBuffer bytes = batch.hasNonNull("marker") ? marker(batch)
            : batch.get("records").isEmpty() ? empty(batch) : records(batch);
        to.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    }

    static ByteBuffer marker(JsonNode batch) {
        ControlRecordType type = ControlRecordType.valueOf(batch.get("marker").asText());
        return MemoryRecords.withEndTransactionMarker(batch.get("baseOffset").asLong(), batch.get("timestamp").asLong(),
            LEADER_EPOCH, batch.get("producerId").asLong(), (short) 0, new EndTransactionMarker(type, 0)).buffer();
    }

    /** What compaction leaves of a batch whose records are all gone. */
    static ByteBuffer empty(JsonNode batch) {
        ByteBuffer buffer = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
        DefaultRecordBatch.writeEmptyHeader(buffer, MAGIC, batch.get("producerId").asLong(), (short) 0, 0,
            batch.get("baseOffset").asLong(), batch.get("lastOffset").asLong(), LEADER_EPOCH, TimestampType.CREATE_TIME,
            batch.get("timestamp").asLong(), batch.get("transactional").asBoolean(), batch.get("control").asBoolean());
        buffer.flip();
        return buffer;
    }

    static ByteBuffer records(JsonNode batch) throws IOException {
        boolean appendTime = batch.get("logAppendTime").asBoolean();
        boolean transactional = batch.get("transactional").asBoolean();
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(new ByteBufferOutputStream(512), MAGIC,
            Compression.of(batch.get("codec").asText()).build(),
            appendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, batch.get("baseOffset").asLong(),
            appendTime ? batch.get("timestamp").asLong() : RecordBatch.NO_TIMESTAMP, batch.get("producerId").asLong(),
            (short) 0, 0, transactional, false, LEADER_EPOCH, Integer.MAX_VALUE);
        for (JsonNode record : batch.get("records")) {
            List<Header> headers = new ArrayList<>();
            for (JsonNode header : record.get("headers"))
                headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
            ByteBuffer key = buffer(record.get("key"));
            ByteBuffer value = buffer(record.get("value"));
            builder.appendWithOffset(record.get("offset").asLong(), record.get("timestamp").asLong(), key, value,
                headers.toArray(new Header[0]));
        }
        builder.overrideLastOffset(batch.get("lastOffset").asLong());
        return builder.build().buffer();
    }

    static ByteBuffer buffer(JsonNode base64) throws IOException {
        byte[] bytes = bytes(base64);
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    static byte[] bytes(JsonNode base64) throws IOException {
        return base64.isNull() ? null : base64.binaryValue();
    }
}
