import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;

/** A program's side of the talk with the harness: see bench/peers/peer.ts. */
final class Talk {
  private static final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));

  static void ready() {
    System.out.println("{\"type\":\"ready\"}");
  }

  /** The topic to write to, or an empty line; null at the end. */
  static String nextPass() throws IOException {
    return in.readLine();
  }

  /** @param batchSeconds One for each batch of equal size; a single one when all was one batch. */
  static void pass(String digest, double... batchSeconds) {
    String batches = Arrays.toString(batchSeconds);
    System.out.printf("{\"type\":\"pass\",\"batchSeconds\":%s,\"digest\":\"%s\"}%n", batches, digest);
  }

  static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }

  /** The same for equal results, whatever the order of the keys. */
  static String digestOf(Map<String, ? extends Number> result) {
    StringBuilder lines = new StringBuilder();
    result.entrySet().stream()
        .map(entry -> entry.getKey() + " " + entry.getValue() + "\n")
        .sorted()
        .forEach(lines::append);
    return digestOf(lines.toString());
  }

  static String digestOf(String text) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash);
    } catch (java.security.NoSuchAlgorithmException impossible) {
      throw new AssertionError(impossible);
    }
  }
}
