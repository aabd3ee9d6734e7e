/** What the JSON topic holds; the fields that nobody asks for are not kept. */
@com.fasterxml.jackson.annotation.JsonIgnoreProperties(ignoreUnknown = true)
public class PageView {
  public String country;
  public int ms;
}
